//! Personal exports: in pages, sealed, and the same however often they are interrupted.

use domain::account::{Account, samples::register};
use domain::export::PersonalExport;
use domain::export::samples::{export, request};
use domain::rating::{Command, Rating, RatingId, Score};
use domain::samples::{ada, at, uuid};
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
