//! What is paid, declined, lost and given back; by a real server that is not always kind.

use std::sync::Arc;

use domain::fulfilment::{Event, Fulfilment, Payment, State};
use domain::order::{Order, Reason, Status, samples};
use domain::samples::{at, order, pounds, product};
use domain::{OrderId, order as orders};
use eventstore::Context;

use super::gate::Gate;
use super::provider::{Mood, Provider};
use super::victim::Victim;
use super::{Shop, causes, run, run_with};
use crate::fulfilment::OrderFulfilment;
use crate::process::Process;

async fn shop() -> Shop {
    let shop = Shop::open().await;
    shop.receive(product(1), 10).await;
    shop
}

/// What happened about the payment, in the order it did.
async fn told(shop: &Shop, order: OrderId) -> Vec<&'static str> {
    let (_, events) = shop.history::<Fulfilment>(order).await;
    let told = events.iter().filter_map(|event| match event {
        Event::PaymentRequested { .. } => Some("requested"),
        Event::PaymentTaken { .. } => Some("taken"),
        Event::PaymentDeclined { .. } => Some("declined"),
        Event::PaymentFailed { .. } => Some("failed"),
        Event::PaymentGivenUp { .. } => Some("given up"),
        Event::PaymentRefunded { .. } => Some("refunded"),
        _ => None,
    });
    told.collect()
}

async fn reason(shop: &Shop, order: OrderId) -> Option<Reason> {
    let (_, events) = shop.history::<Order>(order).await;
    events.into_iter().find_map(|event| match event {
        orders::Event::OrderRejected { reason, .. } => Some(reason),
        _ => None,
    })
}

async fn until_refunded(shop: &Shop, order: OrderId) {
    shop.until("the money is back", async || {
        shop.history::<Fulfilment>(order).await.0.payment() == Payment::Refunded
    })
    .await;
}

#[tokio::test]
async fn an_order_is_paid_once_before_it_is_confirmed() {
    let (shop, provider) = (shop().await, Provider::open(Mood::Pays).await);
    let _running = run_with(&shop.log, provider.client());
    shop.place(order(1), &[(product(1), 4)]).await;

    shop.until_state(order(1), State::Confirmed).await;
    assert_eq!(told(&shop, order(1)).await, ["requested", "taken"]);
    let books = provider.books();
    let [asked] = &books.asked[&order(1).to_string()][..] else { panic!("{books:?}") };
    assert_eq!(asked["amount"], serde_json::json!({ "minor": 20, "currency": "GBP" }));
    assert_eq!(asked["order"], order(1).to_string());
    assert_eq!(asked["number"], samples::number().to_string());
    assert_eq!(asked["attempt"], 1);
    assert_eq!(books.charged.len(), 1, "{books:?}");
}

#[tokio::test]
async fn without_a_provider_nothing_is_said_of_payments() {
    let shop = shop().await;
    let _running = run(&shop.log);
    shop.place(order(1), &[(product(1), 4)]).await;

    shop.until_state(order(1), State::Confirmed).await;
    assert!(told(&shop, order(1)).await.is_empty());
}

#[tokio::test]
async fn a_declined_order_is_rejected_and_its_stock_is_back() {
    let (shop, provider) = (shop().await, Provider::open(Mood::Declines).await);
    let _running = run_with(&shop.log, provider.client());
    shop.place(order(1), &[(product(1), 4)]).await;

    shop.until_status(order(1), Status::Rejected).await;
    assert_eq!(reason(&shop, order(1)).await, Some(Reason::PaymentDeclined));
    assert_eq!(shop.level(product(1)).await, (10, 0));
    assert_eq!(told(&shop, order(1)).await, ["requested", "declined"]);
    assert!(provider.books().given_back.is_empty(), "there is nothing to give back");
}

/// The answer to the first call is lost. The second is about the same payment.
#[tokio::test]
async fn who_paid_without_our_hearing_of_it_does_not_pay_twice() {
    let (shop, provider) = (shop().await, Provider::open(Mood::PaysAndFails).await);
    let _running = run_with(&shop.log, provider.client());
    shop.place(order(1), &[(product(1), 4)]).await;
    provider.until_asked(1).await;
    provider.becomes(Mood::Pays);

    shop.until_state(order(1), State::Confirmed).await;
    let books = provider.books();
    assert_eq!(
        books.asked[&order(1).to_string()].last().map(|asked| asked["attempt"].clone()),
        Some(serde_json::json!(2)),
        "{books:?}"
    );
    assert_eq!(books.charged.values().sum::<u32>(), 1, "{books:?}");
    assert_eq!(told(&shop, order(1)).await, ["requested", "failed", "taken"]);
}

/// It took the money each time and never said so: once it can be talked to, it gives it back.
#[tokio::test]
async fn what_was_taken_for_a_rejected_order_is_given_back_and_nobody_waits_for_that() {
    let (shop, provider) = (shop().await, Provider::open(Mood::PaysAndFails).await);
    let _running = run_with(&shop.log, provider.client());
    shop.place(order(1), &[(product(1), 4)]).await;

    shop.until_status(order(1), Status::Rejected).await;
    assert_eq!(reason(&shop, order(1)).await, Some(Reason::PaymentUnavailable));
    assert_eq!(shop.level(product(1)).await, (10, 0));
    let parked = async || crate::parked(shop.log.pool()).await.expect("it can be read");
    shop.until("operators see what is owed", async || !parked().await.is_empty()).await;
    assert!(parked().await[0].error.contains("is owed its payment"), "{:?}", parked().await);

    provider.becomes(Mood::Pays);
    // Another program, whose breaker knows nothing of what was.
    drop(_running);
    let _running = run_with(&shop.log, provider.client());
    until_refunded(&shop, order(1)).await;
    let books = provider.books();
    assert!(books.charged.is_empty(), "{books:?}");
    assert!(books.given_back.contains(&order(1).to_string()), "{books:?}");
}

#[tokio::test]
async fn an_order_that_is_cancelled_after_it_was_paid_gets_its_money_back() {
    let (shop, provider) = (shop().await, Provider::open(Mood::Pays).await);
    let _running = run_with(&shop.log, provider.client());
    shop.place(order(1), &[(product(1), 4)]).await;
    shop.until_state(order(1), State::Confirmed).await;
    shop.cancel(order(1)).await;

    until_refunded(&shop, order(1)).await;
    assert_eq!(shop.level(product(1)).await, (10, 0));
    assert_eq!(provider.books().given_back, [order(1).to_string()]);
}

#[tokio::test]
async fn an_order_that_is_cancelled_before_anybody_looked_at_it_is_not_charged() {
    let (shop, provider) = (shop().await, Provider::open(Mood::Pays).await);
    shop.place(order(1), &[(product(1), 4)]).await;
    shop.cancel(order(1)).await;
    let _running = run_with(&shop.log, provider.client());

    shop.until_state(order(1), State::Released).await;
    assert!(provider.books().asked.is_empty(), "{:?}", provider.books());
}

#[tokio::test]
async fn nobody_is_charged_for_history() {
    let (shop, provider) = (shop().await, Provider::open(Mood::Pays).await);
    let context = Context::system("import:test", "row 1".into(), at(0)).with("source", "import");
    let lines = vec![samples::line(product(1), 1, pounds(5))];
    let placed = shop.log.execute::<Order>(order(1), samples::place(order(1), lines), &context);
    assert!(placed.await.is_ok());
    let fulfilment = OrderFulfilment::new(Arc::new(provider.client()));
    for cause in causes(shop.log.reader()).await {
        fulfilment.react(&shop.log, &cause).await.expect("it works");
    }

    assert_eq!(shop.fulfilment(order(1)).await, State::Confirmed);
    assert!(provider.books().asked.is_empty(), "{:?}", provider.books());
}

#[tokio::test]
async fn an_order_whose_payment_gets_no_answer_is_rejected_and_its_stock_is_back() {
    let (shop, provider) = (shop().await, Provider::open(Mood::Hangs).await);
    let _running = run_with(&shop.log, provider.client());
    shop.place(order(1), &[(product(1), 4)]).await;
    provider.until_asked(1).await;
    assert_eq!(shop.status(order(1)).await, Some(Status::Pending));
    assert_eq!(shop.level(product(1)).await, (10, 4));

    shop.until_status(order(1), Status::Rejected).await;
    assert_eq!(reason(&shop, order(1)).await, Some(Reason::PaymentUnavailable));
    assert_eq!(shop.level(product(1)).await, (10, 0));
    assert_eq!(told(&shop, order(1)).await, ["requested", "failed", "given up"]);
}

/// Five orders meet a server that fails; the sixth meets nobody, and owes nothing.
#[tokio::test]
async fn while_the_breaker_is_open_orders_are_rejected_without_a_call() {
    let (shop, provider) = (shop().await, Provider::open(Mood::Fails).await);
    let client = provider.client();
    let fulfilment = OrderFulfilment::new(Arc::new(client));
    for number in 1..=6 {
        shop.place(order(number), &[(product(1), 1)]).await;
    }
    let causes = causes(shop.log.reader()).await;
    let (last, first) = causes.split_last().expect("there are six");
    let first = first.iter().map(|cause| fulfilment.react(&shop.log, cause));
    for owed in futures::future::join_all(first).await {
        assert!(owed.is_err(), "it may have been taken, and nobody gives it back");
    }
    let calls = |order: OrderId| provider.books().asked.get(&order.to_string()).map(Vec::len);
    fulfilment.react(&shop.log, last).await.expect("nothing is owed");

    assert_eq!(calls(order(6)), None);
    assert_eq!(told(&shop, order(6)).await, ["given up"]);
    assert_eq!(reason(&shop, order(6)).await, Some(Reason::PaymentUnavailable));
    assert_eq!(shop.level(product(1)).await, (10, 0));
}

/// Every commit is a place to be killed at, and what was asked of the provider is asked again.
#[tokio::test]
async fn whatever_is_killed_at_any_step_everybody_pays_once_and_the_cancelled_get_it_back() {
    let (shop, provider) = (shop().await, Provider::open(Mood::Pays).await);
    shop.place(order(1), &[(product(1), 4)]).await;
    let mut gate = Gate::close(&shop.url, "process:fulfilment").await;
    let mut steps = 0;
    let mut cancelled = false;
    while shop.history::<Fulfilment>(order(1)).await.0.payment() != Payment::Refunded {
        let confirmed = shop.fulfilment(order(1)).await == State::Confirmed;
        if confirmed && !std::mem::replace(&mut cancelled, true) {
            shop.cancel(order(1)).await;
        }
        for goes_through in [false, true] {
            let victim = Victim::paying(&shop.url, &provider.url);
            let waiting = gate.somebody_waits().await;
            drop(victim);
            match goes_through {
                false => gate.turn_back(waiting).await,
                true => gate.let_through(waiting).await,
            }
        }
        steps += 1;
        assert!(steps < 100, "it goes in circles");
    }
    gate.open().await;
    let books = provider.books();
    assert_eq!(books.asked.len(), 1, "one payment, however often it was asked for: {books:?}");
    assert!(books.charged.is_empty() && !books.given_back.is_empty(), "{books:?}");
    assert_eq!(told(&shop, order(1)).await, ["requested", "taken", "refunded"]);
    assert_eq!(shop.level(product(1)).await, (10, 0));
}
