use domain::account::{self, Account};
use domain::like::Like;
use domain::like::samples::{like, like_of_comment, liked, unliked};
use domain::loan::CopySet;
use domain::loan::samples::{borrowed, copies_set, returned};
use domain::order::{Order, Status};
use domain::rating::samples::{changed, rated, score, withdrawn};
use domain::rating::{self, Rating, RatingId};
use domain::samples::{ada, at, bob, middlemarch, order, product};
use domain::{AccountId, ItemId};
use serde_json::json;

use super::order::{cancelled, confirmed, line, placed};
use super::{History, Tables, rows};
use crate::features::Features;

fn rates(reader: AccountId, item: impl Into<ItemId>, points: u8) -> (RatingId, rating::Event) {
    let rating = RatingId { reader, item: item.into() };
    (rating, rating::Event::ItemRated { rating, score: score(points), at: at(0) })
}

/// Who has seen what, and how many have seen it, must tell the same story.
fn pairs(tables: &Tables) -> usize {
    let counted: i64 =
        tables["item_signals"].iter().filter_map(|row| row["readers"].as_i64()).sum();
    assert_eq!(usize::try_from(counted).unwrap(), tables["seen"].len());
    tables["seen"].len()
}

#[tokio::test]
async fn a_liking_appears_with_a_high_rating_and_goes_with_it() {
    let id = rating::samples::rating();
    let history = History::default().with::<Rating>(id, [rated(8), changed(8, 10)]);
    assert_eq!(pairs(&rows(&Features, &history).await), 1);
    let history = history.with::<Rating>(id, [changed(10, 6)]);
    assert_eq!(pairs(&rows(&Features, &history).await), 0);
    let history = history.with::<Rating>(id, [changed(6, 7), withdrawn(7), rated(9)]);
    let tables = rows(&Features, &history).await;
    assert_eq!(pairs(&tables), 1);
    assert_eq!(tables["seen"][0]["position"], json!(6));
}

#[tokio::test]
async fn what_was_bought_and_rated_stays_seen_when_the_order_is_cancelled() {
    let (id, event) = rates(ada(), product(1), 9);
    let history = History::default()
        .with::<Order>(order(1), [placed(1, vec![line(1), line(1), line(2)]), confirmed(1)])
        .with::<Rating>(id, [event]);
    assert_eq!(pairs(&rows(&Features, &history).await), 2);
    let history = history.with::<Order>(order(1), [cancelled(1, Status::Confirmed)]);
    let tables = rows(&Features, &history).await;
    assert_eq!(pairs(&tables), 1);
    assert_eq!(tables["seen"][0]["item"], json!(product(1)));
}

#[tokio::test]
async fn an_order_that_was_never_confirmed_says_nothing() {
    let events = [placed(1, vec![line(1)]), cancelled(1, Status::Pending)];
    let history = History::default().with::<Order>(order(1), events);
    assert_eq!(pairs(&rows(&Features, &history).await), 0);
}

#[tokio::test]
async fn a_like_goes_when_it_is_taken_back_and_a_borrowed_book_stays_seen_when_it_is_returned() {
    let of_comment = like_of_comment();
    let history = History::default()
        .with::<Like>(like(), [liked(like())])
        .with::<Like>(of_comment, [liked(of_comment)])
        .with::<CopySet>(middlemarch(), [copies_set(0, 1), borrowed(bob())]);
    assert_eq!(pairs(&rows(&Features, &history).await), 2);
    let history = history
        .with::<Like>(like(), [unliked(like())])
        .with::<CopySet>(middlemarch(), [returned(bob()), borrowed(bob()), returned(bob())]);
    let tables = rows(&Features, &history).await;
    assert_eq!(pairs(&tables), 1);
    assert_eq!(tables["seen"][0]["reader"], json!(bob()));
}

#[tokio::test]
async fn a_forgotten_reader_leaves_counts_as_if_never_there() {
    let (bobs, bob_rated) = rates(bob(), middlemarch(), 9);
    let (adas, ada_rated) = rates(ada(), middlemarch(), 8);
    let without = History::default().with::<Rating>(bobs, [bob_rated.clone()]);
    let with = History::default()
        .with::<Rating>(bobs, [bob_rated])
        .with::<Rating>(adas, [ada_rated])
        .with::<Order>(order(1), [placed(1, vec![line(1)])])
        .with::<Account>(ada(), [account::Event::AccountErased { account: ada(), at: at(5) }])
        .with::<Order>(order(1), [confirmed(1)]);
    let (with, without) = (rows(&Features, &with).await, rows(&Features, &without).await);
    assert_eq!(with["seen"], without["seen"]);
    assert_eq!(with["item_signals"], without["item_signals"]);
}
