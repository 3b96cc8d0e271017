//! What is remembered of a stream, and what the log knows better.

use domain::AccountId;
use domain::rating::{Rating, RatingId, Refusal};
use domain::stock::{self, Stock};
use eventstore::{ExecuteError, Log};
use uuid::Uuid;

use crate::{at, context, execute, rate, rating, support, withdraw};

#[tokio::test]
async fn a_receipt_says_where_the_events_stand() {
    let log = support::log().await;
    let receipt = execute(&log, "a", rate(8)).await.unwrap();
    assert_eq!((receipt.sequence, receipt.position, receipt.unchanged), (1, 1, false));
    assert_eq!(receipt.stream.to_string(), format!("rating/{}", rating()));
    let again = execute(&log, "b", rate(8)).await.unwrap();
    assert_eq!((again.sequence, again.position, again.unchanged), (1, 1, true));
}

/// The second process decides on what it remembers; the log knows better.
#[tokio::test]
async fn a_decision_on_a_stale_cache_is_decided_again() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    execute(&one, "a", rate(8)).await.unwrap();
    execute(&two, "b", rate(8)).await.unwrap();
    execute(&one, "c", rate(3)).await.unwrap();

    let receipt = execute(&two, "d", rate(8)).await.unwrap();
    assert!(!receipt.unchanged, "two still believed in 8; changing it back is a change");
    assert_eq!(receipt.sequence, 3);

    execute(&one, "e", withdraw()).await.unwrap();
    let refused = execute(&two, "f", withdraw()).await.unwrap_err();
    assert!(
        matches!(refused, ExecuteError::Refused { refusal: Refusal::NothingToWithdraw, .. }),
        "{refused:?}"
    );
}

/// 64 writers in each of two processes on one stream: every one is accepted, none is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hot_stream_loses_nothing() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    let tasks = (0..128_u8).map(|n| {
        let log = if n % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(async move {
            let mut changed = 0;
            for round in 0..5_u8 {
                let points = (n / 2 + round) % 11;
                let key = format!("{n}-{round}");
                let receipt = execute(&log, &key, rate(points)).await.unwrap();
                changed += i64::from(!receipt.unchanged);
            }
            changed
        })
    });
    let changed: i64 = futures::future::join_all(tasks).await.into_iter().map(Result::unwrap).sum();
    assert_eq!(one.reader().head().await.unwrap(), changed, "each change is in the log once");
    let commands: i64 = sqlx::query_scalar("select count(*) from eventstore.commands")
        .fetch_one(one.pool())
        .await
        .unwrap();
    assert_eq!(commands, 128 * 5, "each command has its answer");
}

/// Pieces go into stock one by one; answers how many are there then.
async fn receive(log: &Log, keys: impl Iterator<Item = String>) -> i64 {
    for key in keys {
        let (product, quantity) = (domain::samples::product(1), domain::samples::quantity(1));
        let command = stock::Command::Receive { product, quantity, reason: None, at: at() };
        log.execute::<Stock>(product, command, &context(&key)).await.unwrap();
    }
    log.load::<Stock>(domain::samples::product(1)).await.unwrap().state.level().on_hand
}

fn keys(prefix: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("{prefix}{number}"))
}

/// The stream is so long that only what came since is read after a conflict.
#[tokio::test]
async fn two_processes_take_turns_on_a_long_stream() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    assert_eq!(receive(&one, keys("a", 40)).await, 40);
    assert_eq!(receive(&two, keys("b", 3)).await, 43);
    assert_eq!(receive(&one, keys("c", 1)).await, 44);
    assert_eq!(receive(&two, keys("d", 2)).await, 46);
    assert_eq!(receive(&one, keys("e", 1)).await, 47);
    assert_eq!(receive(&support::open(&url).await, keys("f", 0)).await, 47);
}

/// As after a restore: the process that knew the lost events goes on from what there is.
#[tokio::test]
async fn a_long_stream_that_lost_its_end_is_read_anew() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    receive(&one, keys("a", 40)).await;
    // Its conflict makes `two` read all there is and keep it.
    assert_eq!(receive(&two, keys("b", 5)).await, 45);
    let mut tx = one.pool().begin().await.unwrap();
    for statement in [
        "set local session_replication_role = replica",
        "delete from eventstore.events where position > 38",
        "delete from eventstore.commits where last_position > 38",
    ] {
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();

    let three = support::open(&url).await;
    assert_eq!(receive(&three, keys("c", 1)).await, 39);
    assert_eq!(receive(&two, keys("d", 1)).await, 40, "two knew more than there is");
    assert_eq!(receive(&three, keys("e", 6)).await, 46);
    assert_eq!(receive(&one, keys("f", 1)).await, 47, "one knew others in their place");
}

/// The types of the events in the stream, in order.
async fn history(log: &Log) -> Vec<String> {
    let stream = eventstore::StreamId::new("rating", rating().to_string());
    let events = log.reader().stream(&stream, 0, 100).await.unwrap();
    events.into_iter().map(|event| event.event_type).collect()
}

/// Two commands of one batch: the second was decided on what the first would have made. Another
/// process's event has taken the first one's place, so that the sequence alone looks right.
#[tokio::test]
async fn nothing_is_appended_that_was_decided_on_a_command_that_fell() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    execute(&one, "a", rate(8)).await.unwrap();
    two.load::<Rating>(rating()).await.unwrap();
    execute(&one, "b", withdraw()).await.unwrap();

    let (first, second) = tokio::join!(execute(&two, "c", rate(3)), execute(&two, "d", withdraw()));

    first.unwrap();
    let history = history(&one).await;
    let twice = history.windows(2).any(|pair| pair[0] == pair[1]);
    assert!(!twice, "{history:?}: what was withdrawn cannot be withdrawn again; {second:?}");
}

/// A client hangs up while its command waits: nobody hears that the command fell, and what was
/// decided must be forgotten all the same.
#[tokio::test]
async fn a_command_whose_caller_left_leaves_nothing_behind() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    execute(&one, "a", rate(8)).await.unwrap();
    two.load::<Rating>(rating()).await.unwrap();
    execute(&one, "b", withdraw()).await.unwrap();
    tokio::select! {
        biased;
        answer = execute(&two, "c", rate(3)) => panic!("answered at once: {answer:?}"),
        () = std::future::ready(()) => {}
    }
    // Behind it in the queue: when this is answered, the one before it has fallen.
    let other = RatingId { reader: AccountId::from(Uuid::from_u128(9)), ..rating() };
    two.execute::<Rating>(other, rate(1), &context("d")).await.unwrap();

    let refused = execute(&two, "e", withdraw()).await.unwrap_err();

    assert!(matches!(refused, ExecuteError::Refused { .. }), "{refused:?}");
    assert_eq!(history(&one).await, ["ItemRated", "RatingWithdrawn"]);
}
