//! More orders than pieces.

use std::collections::BTreeMap;

use domain::OrderId;
use domain::order::{self, Order, Reason, Short, Status};
use domain::samples::{order, product};
use domain::stock::{self, Stock};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::victim::Victim;
use super::{Shop, run};

#[tokio::test]
async fn orders_in_a_rush_never_get_more_than_there_is() {
    let shop = Shop::open().await;
    let _running = run(&shop.log);
    shop.receive(product(1), 10).await;
    shop.receive(product(2), 100).await;
    let orders: Vec<OrderId> = (1..=30).map(order).collect();
    let lines = [(product(1), 1), (product(2), 1)];
    futures::future::join_all(orders.iter().map(|order| shop.place(*order, &lines))).await;

    shop.until("every order is decided", async || {
        let mut decided = 0;
        for order in &orders {
            decided += i32::from(shop.status(*order).await != Some(Status::Pending));
        }
        decided == 30
    })
    .await;
    let mut counts: BTreeMap<&str, i32> = BTreeMap::new();
    for order in &orders {
        let status = shop.status(*order).await.expect("it was placed");
        *counts.entry(status.name()).or_default() += 1;
    }
    assert_eq!(counts, BTreeMap::from([("CONFIRMED", 10), ("REJECTED", 20)]));
    assert_eq!(shop.level(product(1)).await, (10, 10));
    assert_eq!(shop.level(product(2)).await, (100, 10), "the rejected gave theirs back");
}

/// How many seeds CI has time for; more are run by setting this variable.
const SEEDS: u64 = 2;
const SEEDS_WANTED: &str = "DAYBOOK_TEST_SEEDS";
const ORDERS: u128 = 200;

/// Real programs, killed at random again and again; each goes on from what the log says.
#[tokio::test]
async fn of_200_orders_for_10_pieces_exactly_10_are_confirmed_whoever_is_killed() {
    let wanted = std::env::var(SEEDS_WANTED).ok().and_then(|seeds| seeds.parse().ok());
    for seed in 0..wanted.unwrap_or(SEEDS) {
        rush_with_kills(seed).await;
    }
}

async fn rush_with_kills(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let shop = Shop::open().await;
    shop.receive(product(1), 10).await;
    shop.receive(product(2), 1_000).await;
    let orders: Vec<OrderId> = (1..=ORDERS).map(order).collect();
    let lines = [(product(1), 1), (product(2), 1)];
    // Every third wants something besides that there is enough of, and has to give it back.
    let placed = orders.iter().zip(0..).map(|(order, number)| {
        shop.place(*order, if number % 3 == 0 { &lines } else { &lines[..1] })
    });
    futures::future::join_all(placed).await;

    let mut kills = 0;
    while !all_are_decided(&shop).await {
        let victim = Victim::start(&shop.url);
        let more = shop.head().await + random.random_range(1..250);
        shop.until("it did something", async || {
            shop.head().await >= more || all_are_decided(&shop).await
        })
        .await;
        drop(victim);
        kills += 1;
        assert!(kills < 1_000, "seed {seed}: it goes in circles");
    }
    assert!(kills > 2, "seed {seed}: nobody was killed in the middle");
    check(&shop, &orders, seed).await;
}

/// Nothing is left to do for any order.
async fn all_are_decided(shop: &Shop) -> bool {
    let decided: i64 = sqlx::query_scalar(
        "select count(*) from eventstore.events
          where aggregate_type = 'fulfilment' and event_type = any ($1)
             or event_type = 'OrderRejected'",
    )
    .bind(["FulfilmentConfirmed", "FulfilmentReleased"])
    .fetch_one(shop.log.pool())
    .await
    .expect("the log can be read");
    // A rejected order's stock is given back, and then it is rejected.
    decided == 10 + 2 * 190
}

async fn check(shop: &Shop, orders: &[OrderId], seed: u64) {
    let (stock, events) = shop.history::<Stock>(product(1)).await;
    let reserved =
        events.iter().filter(|event| matches!(event, stock::Event::StockReserved { .. }));
    assert_eq!(reserved.count(), 10, "seed {seed}: nothing is reserved twice");
    let level = stock.level();
    assert_eq!((level.on_hand, level.reserved, level.available()), (10, 10, 0), "seed {seed}");

    let (mut confirmed, mut of_the_other) = (0, 0);
    for (order, number) in orders.iter().zip(0..) {
        let (state, events) = shop.history::<Order>(*order).await;
        match state.status() {
            Some(Status::Confirmed) => {
                confirmed += 1;
                of_the_other += i64::from(number % 3 == 0);
                assert!(stock.reservation(*order).is_some(), "seed {seed}: {order} has no stock");
            }
            Some(Status::Rejected) => {
                assert_eq!(stock.reservation(*order), None, "seed {seed}: {order}");
                let Some(order::Event::OrderRejected { reason, .. }) = events.last() else {
                    panic!("seed {seed}: {events:?}");
                };
                let short = vec![Short { product: product(1), wanted: 1, available: 0 }];
                assert_eq!(*reason, Reason::OutOfStock { short }, "seed {seed}");
            }
            other => panic!("seed {seed}: {order} is {other:?}"),
        }
    }
    assert_eq!(confirmed, 10, "seed {seed}");
    assert_eq!(shop.level(product(2)).await, (1_000, of_the_other), "seed {seed}");
}
