//! Personal exports: in pages, sealed, and the same however often they are interrupted.

use domain::account::{Account, samples::register};
use domain::export::PersonalExport;
use domain::export::samples::{export, request};
use domain::fulfilment::{self, Fulfilment, Need, Paying};
use domain::order::{self, Order};
use domain::rating::{Command, Rating, RatingId, Score};
use domain::samples::{ada, at, bob, order, pounds, product, quantity, text, uuid};
use domain::stock::{self, Stock};
use domain::{BookId, ItemId};

use super::Shop;
use crate::cause::Cause;
use crate::export::Exports;
use crate::process::Process;

/// More than a page.
const RATINGS: u128 = 520;

async fn stored(shop: &Shop) -> (i64, i64, String) {
    sqlx::query_as(
        "select (select count(*) from processes.export_pages where export = $1), bytes, sha256
         from processes.exports where export = $1",
    )
    .bind(export(1).uuid())
    .fetch_one(shop.log.pool())
    .await
    .expect("it was made")
}

#[tokio::test]
async fn a_collection_that_was_cut_off_goes_on_and_comes_to_the_same() {
    let shop = Shop::open().await;
    shop.execute::<Account>(ada(), register(ada(), "ada@example.org")).await;
    for number in 0..RATINGS {
        let item = ItemId::from(BookId::from(uuid(number)));
        let rating = RatingId { reader: ada(), item };
        let score = Score::try_from(7_u8).expect("a score");
        shop.execute::<Rating>(rating, Command::Rate { rating, score, at: at(1) }).await;
    }
    shop.execute::<PersonalExport>(ada(), request(1, 5)).await;
    let events = shop.log.reader().page(shop.head().await - 1, 1).await.expect("the log is there");
    let cause = Cause::of(Exports.name(), &events[0]).expect("events decode");
    Exports.react(&shop.log, &cause).await.expect("it works");
    let whole = stored(&shop).await;
    assert_eq!(whole.0, 2);
    let lines: String =
        sqlx::query_scalar("select string_agg(lines, '') from processes.export_pages")
            .fetch_one(shop.log.pool())
            .await
            .expect("there are pages");
    assert!(lines.contains("sealed") && !lines.contains("ada@example.org"));

    for cut in [
        "delete from processes.export_pages where until_position > 501",
        "delete from processes.export_pages",
    ] {
        sqlx::query(cut).execute(shop.log.pool()).await.expect("it is cut");
        sqlx::query("delete from processes.exports").execute(shop.log.pool()).await.expect("so");
        let head = shop.head().await;
        Exports.react(&shop.log, &cause).await.expect("it works again");
        assert_eq!(stored(&shop).await, whole);
        assert_eq!(shop.head().await, head, "it is completed once");
    }
}

#[tokio::test]
async fn what_became_of_a_persons_orders_is_theirs_and_of_others_is_not() {
    let shop = Shop::open().await;
    shop.execute::<Account>(ada(), register(ada(), "ada@example.org")).await;
    shop.receive(product(1), 10).await;
    shop.place(order(1), &[(product(1), 2)]).await;
    let lines = vec![order::samples::line(product(1), 2, pounds(5))];
    let (number, at_once) = (order::samples::number(), at(0));
    let of_bob =
        order::Command::Place { order: order(2), number, customer: bob(), lines, at: at_once };
    shop.execute::<Order>(order(2), of_bob).await;
    for order in [order(1), order(2)] {
        let (product, quantity) = (product(1), quantity(2));
        let reserve = stock::Command::Reserve { product, order, quantity, at: at(1) };
        shop.execute::<Stock>(product, reserve).await;
        let needs = vec![Need { product, quantity }];
        let (reserved, amount) = (vec![product], pounds(10));
        let pay = |step| fulfilment::Command::Pay { order, step, at: at(2) };
        for command in [
            fulfilment::Command::Start { order, needs, at: at(1) },
            fulfilment::Command::Record { order, reserved, refused: vec![], at: at(1) },
            pay(Paying::Request { amount }),
            pay(Paying::Took { amount, reference: text("pay-1") }),
        ] {
            shop.execute::<Fulfilment>(order, command).await;
        }
    }
    shop.execute::<PersonalExport>(ada(), request(1, 5)).await;
    let events = shop.log.reader().page(shop.head().await - 1, 1).await.expect("the log is there");
    let cause = Cause::of(Exports.name(), &events[0]).expect("events decode");
    Exports.react(&shop.log, &cause).await.expect("it works");

    let lines: String = sqlx::query_scalar("select lines from processes.export_pages")
        .fetch_one(shop.log.pool())
        .await
        .expect("there is one page");
    for kind in ["OrderPlaced", "StockReserved", "PaymentRequested", "PaymentTaken"] {
        assert_eq!(lines.matches(&format!("\"event_type\":\"{kind}\"")).count(), 1, "{kind}");
    }
    assert!(!lines.contains(&order(2).to_string()), "{lines}");
    assert!(!lines.contains("StockReceived"), "{lines}");
}
