//! Commands on two streams, decided in one append.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::AccountId;
use domain::cart::{self, Cart};
use domain::order::{self, Order};
use domain::rating::{Command, Rating, RatingId, Refusal};
use domain::samples::{ada, order, product};
use eventstore::{Decision, ExecuteError, Log, Receipt, StreamId};
use futures::future::join_all;
use uuid::Uuid;

use crate::{context, execute, rate, rating, support, withdraw};

const DEADLINE: Duration = Duration::from_secs(30);

fn other() -> RatingId {
    RatingId { reader: AccountId::from(Uuid::from_u128(9)), ..rating() }
}

async fn both(
    log: &Log,
    key: &str,
    first: (RatingId, Command),
    second: (RatingId, Command),
) -> Result<Receipt, ExecuteError<Refusal>> {
    log.decide_both::<Rating, Rating, _, _, _>(&context(key), |_| {
        let ((first, command), (second, also)) = (first.clone(), second.clone());
        async move { Ok(Decision::<Rating>::new(first, command).and::<Rating>(second, also)) }
    })
    .await
}

/// The streams of the log's events, in order.
async fn streams(log: &Log) -> Vec<String> {
    let events = log.reader().page(0, 1_000).await.unwrap();
    events.into_iter().map(|event| event.stream.to_string()).collect()
}

async fn commits(log: &Log) -> i64 {
    let commits = sqlx::query_scalar("select count(*) from eventstore.commits");
    commits.fetch_one(log.pool()).await.unwrap()
}

#[tokio::test]
async fn both_are_in_one_commit_and_the_answer_is_about_the_first() {
    let log = support::log().await;
    let receipt = both(&log, "a", (rating(), rate(8)), (other(), rate(3))).await.unwrap();

    assert_eq!(receipt.stream, StreamId::new("rating", rating().to_string()));
    assert_eq!((receipt.sequence, receipt.position), (1, 2));
    let expected = [rating(), other()].map(|id| format!("rating/{id}"));
    assert_eq!((streams(&log).await, commits(&log).await), (expected.to_vec(), 1));
    let again = both(&log, "a", (rating(), rate(8)), (other(), rate(3))).await.unwrap();
    assert_eq!((again.position, again.replayed), (2, true));
    for id in [rating(), other()] {
        let next = log.execute::<Rating>(id, withdraw(), &context(&id.to_string())).await;
        assert_eq!(next.unwrap().sequence, 2, "it is decided on what both have made");
    }
}

#[tokio::test]
async fn a_refusal_of_either_is_the_refusal_of_both() {
    let log = support::log().await;
    let [first, second] = [(rating(), rate(8)), (other(), withdraw())];
    for (key, first, second) in [("a", &first, &second), ("b", &second, &first)] {
        for replay in [false, true] {
            let refused = both(&log, key, first.clone(), second.clone()).await.unwrap_err();
            let ExecuteError::Refused { refusal, replayed } = refused else {
                panic!("{refused:?}");
            };
            assert_eq!((refusal, replayed), (Refusal::NothingToWithdraw, replay));
        }
    }
    assert_eq!(log.reader().head().await.unwrap(), 0);
    let rated = execute(&log, "c", rate(8)).await.unwrap();
    assert_eq!((rated.sequence, rated.unchanged), (1, false), "nothing was remembered of it");
}

/// The second process decides on what it remembers of the second stream; the log knows better.
#[tokio::test]
async fn a_stream_that_moved_on_is_decided_on_again() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    for id in [rating(), other()] {
        two.load::<Rating>(id).await.unwrap();
    }
    one.execute::<Rating>(other(), rate(3), &context("a")).await.unwrap();

    let receipt = both(&two, "b", (rating(), rate(8)), (other(), withdraw())).await.unwrap();

    assert_eq!((receipt.sequence, receipt.position), (1, 3));
    let last = one.reader().page(2, 10).await.unwrap();
    assert_eq!(last[0].event_type, "RatingWithdrawn");
    assert_eq!((last[0].sequence, commits(&one).await), (2, 2));
}

/// Half of them name the streams in one order, half in the other, in two processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_waits_for_those_who_wait_for_them() {
    let url = support::database();
    let logs = [support::open(&url).await, support::open(&url).await];
    let tasks = (0..80_u8).map(|number| {
        let log = logs[usize::from(number % 2)].clone();
        tokio::spawn(async move {
            let points = |of: u8| rate((number / 4 + of) % 11);
            let (mut first, mut second) = ((rating(), points(0)), (other(), points(5)));
            if number % 4 < 2 {
                std::mem::swap(&mut first, &mut second);
            }
            both(&log, &format!("{number}"), first, second).await.unwrap()
        })
    });
    let answers = tokio::time::timeout(DEADLINE, join_all(tasks)).await;
    answers.expect("they wait for ever").into_iter().for_each(|answer| drop(answer.unwrap()));

    let commands: i64 = sqlx::query_scalar("select count(*) from eventstore.commands")
        .fetch_one(logs[0].pool())
        .await
        .unwrap();
    assert_eq!(commands, 80, "each has its answer");
    let events = logs[0].reader().page(0, 1_000).await.unwrap();
    let mut in_order: Vec<String> =
        events.iter().map(|event| event.metadata()["command_id"].clone()).collect();
    in_order.dedup();
    let different: BTreeSet<&String> = in_order.iter().collect();
    assert_eq!(in_order.len(), different.len(), "what belongs together is apart");
    assert!(in_order.len() < events.len(), "none wrote to both");
}

#[tokio::test]
async fn a_command_writes_to_a_stream_once() {
    let log = support::log().await;
    let twice = both(&log, "a", (rating(), rate(8)), (rating(), rate(3))).await.unwrap_err();
    assert!(matches!(twice, ExecuteError::Store(_)), "{twice:?}");
    assert_eq!(log.reader().head().await.unwrap(), 0);
}

/// Orders whatever is in Ada's cart.
async fn check_out(log: &Log, key: &str, number: u128) -> Result<Receipt, order::Refusal> {
    let context = context(key);
    let checked_out = log.decide_both::<Order, Cart, _, _, ExecuteError<order::Refusal>>(
        &context,
        |facts| async move {
            let held = facts.load::<Cart>(ada()).await?.state.lines().to_vec();
            let line = |line: &cart::Line| {
                let price = domain::samples::pounds(1);
                order::samples::line(line.product, line.quantity.into(), price)
            };
            let place = order::samples::place(order(number), held.iter().map(line).collect());
            let (customer, order, at) = (ada(), order(number), crate::at());
            let check_out = cart::Command::CheckOut { customer, order, lines: held, at };
            Ok(Decision::<Order>::new(order, place).and::<Cart>(customer, check_out))
        },
    );
    match checked_out.await {
        Err(ExecuteError::Refused { refusal, .. }) => Err(refusal),
        other => Ok(other.unwrap()),
    }
}

/// The cart is a fact that the order is made of, and is written itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_takes_out_of_a_cart_nobody_else_orders() {
    let url = support::database();
    let logs = [support::open(&url).await, support::open(&url).await];
    for number in 0..5 {
        let put = cart::samples::put(product(number), 1);
        logs[0].execute::<Cart>(ada(), put, &context(&format!("{number}"))).await.unwrap();
    }
    let put = cart::samples::put(product(9), 7);
    let context = context("put");
    let keys = ["one", "two", "three", "four"];
    let orders = keys.iter().zip(1..).map(|(key, number)| {
        let log = &logs[key.len() % 2];
        check_out(log, key, number)
    });
    let (put, orders) =
        tokio::join!(logs[1].execute::<Cart>(ada(), put, &context), join_all(orders));
    put.unwrap();

    let last = check_out(&logs[0], "last", 9).await;
    let placed = orders.iter().chain([&last]).flatten();
    let mut ordered: u32 = 0;
    for receipt in placed {
        let id = &receipt.stream.aggregate_id;
        let order = support::open(&url).await.load::<Order>(id).await.unwrap().state;
        ordered += order.lines().iter().map(|line| line.quantity.get()).sum::<u32>();
    }
    assert_eq!(ordered, 5 + 7, "each is ordered once");
    let refused = orders.into_iter().chain([last]).filter_map(Result::err);
    assert!(refused.into_iter().all(|refusal| refusal == order::Refusal::Empty));
    assert!(logs[0].load::<Cart>(ada()).await.unwrap().state.lines().is_empty());
}
