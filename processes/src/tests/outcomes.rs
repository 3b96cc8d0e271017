//! What becomes of an order.

use domain::ProductId;
use domain::fulfilment::State;
use domain::order::{Event, Order, Reason, Status, samples};
use domain::samples::{at, order, pounds, product};
use eventstore::Context;

use crate::process::Process;

use super::{Shop, causes, run, unpaid};

#[tokio::test]
async fn an_order_is_confirmed_once_everything_is_reserved() {
    let shop = Shop::open().await;
    let _running = run(&shop.log);
    shop.receive(product(1), 10).await;
    shop.receive(product(2), 10).await;
    shop.place(order(1), &[(product(1), 4), (product(2), 1), (product(1), 2)]).await;

    shop.until_state(order(1), State::Confirmed).await;
    assert_eq!(shop.status(order(1)).await, Some(Status::Confirmed));
    assert_eq!(shop.level(product(1)).await, (10, 6), "lines about one product are one need");
    assert_eq!(shop.level(product(2)).await, (10, 1));
}

#[tokio::test]
async fn an_order_that_cannot_be_filled_releases_everything_and_says_why() {
    let shop = Shop::open().await;
    let _running = run(&shop.log);
    shop.receive(product(1), 10).await;
    shop.receive(product(2), 1).await;
    shop.place(order(1), &[(product(1), 4), (product(2), 2), (product(3), 1)]).await;

    shop.until_status(order(1), Status::Rejected).await;
    assert_eq!(shop.level(product(1)).await, (10, 0));
    assert_eq!(shop.level(product(2)).await, (1, 0));
    let (_, events) = shop.history::<Order>(order(1)).await;
    let Some(Event::OrderRejected { reason: Reason::OutOfStock { short }, .. }) = events.last()
    else {
        panic!("{events:?}");
    };
    let said: Vec<_> =
        short.iter().map(|short| (short.product, short.wanted, short.available)).collect();
    assert_eq!(said, [(product(2), 2, 1), (product(3), 1, 0)]);
}

#[tokio::test]
async fn a_cancelled_order_gives_back_what_was_reserved() {
    let shop = Shop::open().await;
    let _running = run(&shop.log);
    shop.receive(product(1), 10).await;
    shop.place(order(1), &[(product(1), 4)]).await;
    shop.until_status(order(1), Status::Confirmed).await;
    shop.cancel(order(1)).await;

    shop.until_state(order(1), State::Released).await;
    assert_eq!(shop.level(product(1)).await, (10, 0));
}

#[tokio::test]
async fn an_order_cancelled_before_anybody_looked_at_it_keeps_nothing() {
    let shop = Shop::open().await;
    shop.receive(product(1), 10).await;
    shop.place(order(1), &[(product(1), 4)]).await;
    shop.cancel(order(1)).await;

    let _running = run(&shop.log);
    shop.until_state(order(1), State::Released).await;
    assert_eq!(shop.status(order(1)).await, Some(Status::Cancelled));
    assert_eq!(shop.level(product(1)).await, (10, 0));
}

#[tokio::test]
async fn shipping_an_order_ships_its_stock() {
    let shop = Shop::open().await;
    let _running = run(&shop.log);
    shop.receive(product(1), 10).await;
    shop.place(order(1), &[(product(1), 4)]).await;
    shop.until_status(order(1), Status::Confirmed).await;
    let ship = domain::order::Command::Ship { order: order(1), at: at(2) };
    shop.execute::<Order>(order(1), ship).await;

    shop.until_state(order(1), State::Shipped).await;
    assert_eq!(shop.level(product(1)).await, (6, 0));
}

#[tokio::test]
async fn an_order_of_1114_lines_is_confirmed() {
    let shop = Shop::open().await;
    let products: Vec<ProductId> = (1..=1_114).map(product).collect();
    futures::future::join_all(products.iter().map(|product| shop.receive(*product, 5))).await;
    let lines: Vec<_> = products.iter().map(|product| (*product, 2)).collect();
    shop.place(order(1), &lines).await;

    let _running = run(&shop.log);
    shop.until_state(order(1), State::Confirmed).await;
    for product in [products[0], products[500], products[1_113]] {
        assert_eq!(shop.level(product).await, (5, 2));
    }
}

#[tokio::test]
async fn a_new_process_starts_at_the_head_of_the_log() {
    let shop = Shop::open().await;
    shop.receive(product(1), 10).await;
    let head = shop.head().await;
    let fresh = crate::checkpoint::load(shop.log.reader(), "another").await;
    assert_eq!(fresh.ok(), Some(head));
    // The fulfilment was installed with the database, before anything happened.
    let installed = crate::checkpoint::load(shop.log.reader(), unpaid().name()).await;
    assert_eq!(installed.ok(), Some(0));
}

#[tokio::test]
async fn what_follows_from_imported_history_happens_at_its_time() {
    let shop = Shop::open().await;
    shop.receive(product(1), 10).await;
    let context = Context::system("import:test", "row 1".into(), at(0)).with("source", "import");
    let lines = vec![samples::line(product(1), 1, pounds(5))];
    let placed = shop.log.execute::<Order>(order(1), samples::place(order(1), lines), &context);
    assert!(placed.await.is_ok());
    for cause in causes(shop.log.reader()).await {
        unpaid().react(&shop.log, &cause).await.expect("it works");
    }

    let (_, events) = shop.history::<Order>(order(1)).await;
    let Some(Event::OrderConfirmed { at: confirmed, .. }) = events.last() else {
        panic!("{events:?}");
    };
    assert_eq!(*confirmed, at(0));
    let recorded = shop.log.reader().page(0, 100).await.expect("the log can be read");
    let confirmed = recorded.iter().find(|event| event.event_type == "OrderConfirmed");
    let metadata = confirmed.expect("it was confirmed").metadata();
    assert_eq!(metadata["source"], "import");
    assert_eq!(metadata["causation_id"], "row 1");
    assert_eq!(metadata["actor"], "process:fulfilment");
}
