use domain::like::samples::{like, like_of_comment, liked, unliked};
use domain::like::{Like, LikeId};
use domain::samples::{bob, comment};
use serde_json::json;

use super::{History, rows};
use crate::like::Likes;

#[tokio::test]
async fn counts_are_those_who_like_it_now() {
    let (hers, of_comment) = (like(), like_of_comment());
    let his = LikeId { reader: bob(), ..hers };
    let history = History::default()
        .with::<Like>(hers, [liked(hers), unliked(hers), liked(hers)])
        .with::<Like>(his, [liked(his)])
        .with::<Like>(of_comment, [liked(of_comment), unliked(of_comment)]);
    let tables = rows(&Likes, &history).await;
    let likes = &tables["likes"];
    assert_eq!(likes.len(), 2);
    let of = |id: LikeId| likes.iter().find(|row| row["reader"] == json!(id.reader)).unwrap();
    assert_eq!((&of(hers)["position"], &of(his)["position"]), (&json!(3), &json!(4)));
    let count = |kind: &str| {
        let row = tables["like_counts"].iter().find(|row| row["kind"] == kind).unwrap();
        (row["target"].clone(), row["likes"].clone())
    };
    assert_eq!(count("book"), (json!(hers.target.uuid()), json!(2)));
    assert_eq!(count("comment"), (json!(comment(1)), json!(0)));
}
