//! What clients hear while it happens.

use serde_json::json;

use crate::system::{Listening, Shop, System};

#[tokio::test]
async fn a_customer_hears_how_the_order_goes() {
    let shop = Shop::with(5).await;
    let ada = shop.system.ada().await;
    let mut live = Listening::to(ada.get("live?topics=orders,stock")).await;
    assert_eq!(live.next().await.event, "open");

    let order = ada.orders(shop.product, 2).await;

    let placed = live.until("OrderPlaced").await;
    assert_eq!((placed.id, placed.event.as_str()), (order.position, "orders"));
    assert_eq!(placed.data["about"], order.id().to_string());
    let reserved = live.until("StockReserved").await;
    assert_eq!(reserved.data["about"], shop.product.to_string());
    let confirmed = live.until("OrderConfirmed").await;
    assert!(confirmed.id > reserved.id);
    // Whoever was told can look: the read models have passed it.
    let page = ada.get(format!("orders/{}", order.id())).await;
    assert_eq!(page["status"], "CONFIRMED", "{page}");
}

#[tokio::test]
async fn who_was_away_hears_what_was_missed_once() {
    let system = System::start().await;
    let ada = system.ada().await;
    let book = system.add_book(json!({ "title": "Emma", "authors": ["Jane Austen"] })).await;
    let topic = format!("live?topics=ratings:book:{book}");
    let mut live = Listening::to(ada.get(&topic)).await;
    assert_eq!(live.next().await.event, "open");
    let first = ada.rate(book, 2).await.accepted();
    assert_eq!(live.next().await.id, first.position);
    drop(live);
    let second = ada.rate(book, 3).await.accepted();
    let third = ada.rate(book, 4).await.accepted();

    let again = ada.get(&topic).header("last-event-id", first.position);
    let mut live = Listening::to(again).await;
    let fourth = ada.rate(book, 5).await.accepted();

    let heard = [live.next().await.id, live.next().await.id, live.next().await.id];
    assert_eq!(heard, [second.position, third.position, fourth.position]);
}

#[tokio::test]
async fn who_was_away_for_longer_than_we_remember_begins_anew() {
    let system = System::start().await;
    let ada = system.ada().await;
    let ahead = ada.get("live").header("last-event-id", i64::MAX);
    assert_eq!(Listening::to(ahead).await.next().await.event, "reset");
    let answer = ada.get("live").header("last-event-id", "soon").await;
    answer.refused(400, "bad-header");
}

#[tokio::test]
async fn nobody_hears_of_the_orders_of_others() {
    let shop = Shop::with(5).await;
    let (ada, bob) = (shop.system.ada().await, shop.system.bob().await);
    let mut his = Listening::to(bob.get("live?topics=orders")).await;
    let mut keepers = Listening::to(shop.mercy.get("live?topics=orders")).await;
    assert_eq!(
        (his.next().await.event, keepers.next().await.event),
        ("open".into(), "open".into())
    );

    let hers = ada.orders(shop.product, 1).await;
    ada.settled(&hers).await;
    let own = bob.orders(shop.product, 1).await;

    assert_eq!(his.next().await.id, own.position, "the first he hears is his own");
    loop {
        let heard = keepers.until("OrderPlaced").await;
        if heard.data["about"] == hers.id().to_string() {
            break;
        }
    }
}

#[tokio::test]
async fn dashboards_hear_that_something_happens_and_others_may_not() {
    let system = System::start().await;
    let (ada, analyst) = (system.ada().await, system.analyst().await);
    let mut live = Listening::to(analyst.get("live?topics=activity")).await;
    assert_eq!(live.next().await.event, "open");
    let book = system.add_book(json!({ "title": "Emma", "authors": ["Jane Austen"] })).await;
    let rated = ada.rate(book, 9).await.accepted();

    let heard = loop {
        let heard = live.until("ItemRated").await;
        if heard.id == rated.position {
            break heard;
        }
    };
    assert_eq!(heard.data["about"], "", "no ids for dashboards");
    ada.get("live?topics=activity").await.refused(403, "forbidden");
    ada.get("live?topics=gossip").await.refused(422, "invalid");
    system.get("live").await.refused(401, "token-required");
}
