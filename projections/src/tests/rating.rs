use domain::rating::Rating;
use domain::rating::samples::{changed, rated, rating, withdrawn};
use serde_json::json;

use super::{History, rows};
use crate::rating::ItemRatings;

#[tokio::test]
async fn an_item_has_the_sum_of_its_ratings() {
    let history = History::default().with::<Rating>(rating(), [rated(8), changed(8, 3)]);
    let tables = rows(&ItemRatings, &history).await;
    assert_eq!(tables["item_ratings"][0]["ratings"], json!(1));
    assert_eq!(tables["item_ratings"][0]["points"], json!(3));
    assert_eq!(tables["reader_ratings"][0]["score"], json!(3));
    assert_eq!(tables["item_ratings"][0]["scores"], json!([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]));
}

#[tokio::test]
async fn a_withdrawn_rating_leaves_nothing_to_count() {
    let history = History::default()
        .with::<Rating>(rating(), [rated(8), withdrawn(8), rated(5), withdrawn(5)]);
    let tables = rows(&ItemRatings, &history).await;
    assert_eq!(tables["item_ratings"][0]["ratings"], json!(0));
    assert_eq!(tables["item_ratings"][0]["points"], json!(0));
    assert_eq!(tables["item_ratings"][0]["scores"], json!(vec![0; 11]));
    assert!(tables["reader_ratings"].is_empty());
}
