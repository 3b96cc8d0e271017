//! Orders that cannot go on are set aside; all others do.

use domain::ProductId;
use domain::fulfilment::State;
use domain::order::{Event, Order, samples};
use domain::samples::{at, order, pounds, product};
use eventstore::StreamId;
use eventstore::append::{Append, NewEvent, Verdict, Write};

use super::{Shop, program, run};
use crate::Parked;

const UNREADABLE: &str = r#"{"type":"OrderPlaced","lines":"none of your business"}"#;

/// An event as a foreign writer, or a program with a mistake, may leave it.
async fn append(shop: &Shop, stream: StreamId, expected: i64, event_type: &str, payload: &str) {
    let event = NewEvent {
        event_type: event_type.to_owned(),
        event_version: "1.0.0".to_owned(),
        payload: payload.to_owned(),
        metadata: "{}".to_owned(),
    };
    let append = Append {
        caller: "test".to_owned(),
        key: format!("{stream} {expected}"),
        fingerprint: Vec::new(),
        refusal: None,
        writes: vec![Write { stream, expected, events: vec![event] }],
        guards: Vec::new(),
        claims: Vec::new(),
        subjects: Vec::new(),
        erased: Vec::new(),
    };
    let verdict = shop.log.append(append).await;
    assert!(matches!(verdict, Ok(Verdict::Appended(_))), "{verdict:?}");
}

fn stream(order: domain::OrderId) -> StreamId {
    StreamId::new("order", order.to_string())
}

/// What the event would have been.
fn placed(product: ProductId, pieces: u32) -> String {
    let lines = vec![samples::line(product, pieces, pounds(5))];
    let events = Order::default().decide(samples::place(order(1), lines));
    let events: Vec<Event> = events.expect("the order is a good one");
    serde_json::to_string(&events[0]).expect("events are JSON")
}

/// Mends what was written, as nobody can; a newer program would understand it instead.
async fn mend(shop: &Shop, stream: &StreamId, payload: &str) {
    let mut transaction = shop.log.pool().begin().await.expect("the database is reachable");
    for statement in [
        "set local session_replication_role = replica",
        &format!(
            "update eventstore.events set payload = '{payload}'
             where aggregate_type = '{}' and aggregate_id = '{}' and sequence = 1",
            stream.aggregate_type, stream.aggregate_id
        ),
    ] {
        let done = sqlx::query(statement).execute(&mut *transaction).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    transaction.commit().await.expect("it is committed");
}

async fn parked(shop: &Shop) -> Vec<Parked> {
    crate::parked(shop.log.pool()).await.expect("what is parked can be read")
}

/// How many events wait, parked or behind one that is.
async fn aside(shop: &Shop) -> i64 {
    sqlx::query_scalar("select count(*) from processes.parked")
        .fetch_one(shop.log.pool())
        .await
        .expect("what is parked can be counted")
}

#[tokio::test]
async fn an_order_that_cannot_be_read_waits_for_its_repair_and_the_others_go_on() {
    let shop = Shop::open().await;
    let first = run(&program(&shop.url).await);
    shop.receive(product(1), 10).await;
    append(&shop, stream(order(1)), 0, "OrderPlaced", UNREADABLE).await;
    let cancelled = Event::OrderCancelled {
        order: order(1),
        customer: domain::samples::ada(),
        total: pounds(20),
        was: domain::order::Status::Pending,
        by: domain::samples::ada(),
        at: at(1),
    };
    shop.place(order(2), &[(product(1), 4)]).await;
    shop.until_state(order(2), State::Confirmed).await;
    shop.until("it is parked", async || !parked(&shop).await.is_empty()).await;

    let cancelled = serde_json::to_string(&cancelled).expect("events are JSON");
    append(&shop, stream(order(1)), 1, "OrderCancelled", &cancelled).await;
    shop.place(order(3), &[(product(1), 1)]).await;
    shop.until_state(order(3), State::Confirmed).await;
    shop.until("the checkpoint is past it", async || {
        shop.checkpoint("fulfilment").await == shop.head().await
    })
    .await;
    let [one] = &parked(&shop).await[..] else { panic!("{:?}", parked(&shop).await) };
    assert_eq!((one.process.as_str(), one.instance.clone()), ("fulfilment", order(1).to_string()));
    assert_eq!((one.position, one.attempts), (2, 5));
    assert!(one.error.contains("OrderPlaced"), "{}", one.error);
    assert_eq!(aside(&shop).await, 2, "its cancellation waits behind it");

    drop(first);
    mend(&shop, &stream(order(1)), &placed(product(1), 4)).await;
    let _second = run(&program(&shop.url).await);
    shop.until_state(order(1), State::Released).await;
    shop.until("nothing is parked", async || aside(&shop).await == 0).await;
    assert_eq!(shop.level(product(1)).await, (10, 5));
}

#[tokio::test]
async fn an_order_whose_reaction_fails_is_tried_again_when_it_is_due() {
    let shop = Shop::open().await;
    let _running = run(&program(&shop.url).await);
    let broken = StreamId::new("stock", product(2).to_string());
    append(&shop, broken.clone(), 0, "StockReceived", r#"{"type":"StockReceived"}"#).await;
    shop.receive(product(1), 10).await;
    shop.place(order(1), &[(product(1), 1), (product(2), 1)]).await;
    shop.place(order(2), &[(product(1), 1)]).await;
    shop.until_state(order(2), State::Confirmed).await;
    shop.until("it is parked", async || !parked(&shop).await.is_empty()).await;
    assert_eq!(parked(&shop).await[0].instance, order(1).to_string());
    let pool = shop.log.pool();
    let (name, instance) = ("fulfilment", order(1).to_string());
    assert_eq!(
        crate::parked_at(pool, name, &instance).await.ok(),
        Some(parked(&shop).await[0].position)
    );
    crate::retry(pool, name, &instance).await.expect("an operator may say so");
    shop.until("it has failed again", async || parked(&shop).await[0].attempts == 10).await;
    let later: bool = sqlx::query_scalar(
        "select due_at > clock_timestamp() + interval '90 s' from processes.parked",
    )
    .fetch_one(shop.log.pool())
    .await
    .expect("it is parked");
    assert!(later, "the second pause is longer than the first");

    shop.receive(product(3), 5).await;
    let (_, events) = shop.history::<domain::stock::Stock>(product(3)).await;
    let sound = serde_json::to_string(&events[0]).expect("events are JSON");
    mend(&shop, &broken, &sound).await;
    crate::retry(pool, name, &instance).await.expect("an operator may say so");
    shop.until_state(order(1), State::Confirmed).await;
    shop.until("nothing is parked", async || aside(&shop).await == 0).await;
    assert_eq!(shop.level(product(2)).await, (5, 1));
}
