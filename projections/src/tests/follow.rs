use domain::follow::Follow;
use domain::follow::samples::{followed, pair, unfollowed};
use domain::samples::{ada, bob};
use serde_json::json;

use super::{History, rows};
use crate::follow::FollowGraph;

#[tokio::test]
async fn counts_follow_the_graph() {
    let (one, other) = (pair(ada(), bob()), pair(bob(), ada()));
    let history = History::default()
        .with::<Follow>(one, [followed(one), unfollowed(one), followed(one)])
        .with::<Follow>(other, [followed(other), unfollowed(other)]);
    let tables = rows(&FollowGraph, &history).await;
    assert_eq!(tables["follows"].len(), 1);
    assert_eq!(tables["follows"][0]["position"], json!(3));
    let of = |account: domain::AccountId| {
        let row =
            tables["follow_counts"].iter().find(|row| row["account"] == json!(account)).unwrap();
        (row["followers"].clone(), row["following"].clone())
    };
    assert_eq!(of(bob()), (json!(1), json!(0)));
    assert_eq!(of(ada()), (json!(0), json!(1)));
}
