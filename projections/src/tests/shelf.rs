use domain::shelf::Shelf;
use domain::shelf::samples::{added, removed, shelf};
use serde_json::json;

use super::{History, rows};
use crate::shelf::Favourites;

#[tokio::test]
async fn what_was_taken_off_is_gone_and_may_come_back() {
    let gone = History::default().with::<Shelf>(shelf(), [added(), removed()]);
    assert!(rows(&Favourites, &gone).await["favourites"].is_empty());

    let back = History::default().with::<Shelf>(shelf(), [added(), removed(), added()]);
    let favourites = &rows(&Favourites, &back).await["favourites"];
    assert_eq!(favourites.len(), 1);
    assert_eq!(favourites[0]["position"], json!(3));
}
