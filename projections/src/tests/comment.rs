use domain::comment::Comment;
use domain::comment::samples::{deleted, edited, posted};
use domain::samples::{ada, comment, middlemarch};
use serde_json::{Value, json};

use super::{History, rows};
use crate::comment::Comments;

#[tokio::test]
async fn a_comment_stands_as_it_was_said_last_where_it_was_said_first() {
    let history = History::default()
        .with::<Comment>(comment(1), [posted("Dorothea!"), edited("Casaubon!"), edited("Will!")]);
    let comments = &rows(&Comments, &history).await["comments"];
    assert_eq!(comments.len(), 1);
    let row = &comments[0];
    assert_eq!((&row["kind"], &row["item"]), (&json!("book"), &json!(middlemarch())));
    assert_eq!(row["author"], json!(ada()));
    assert_eq!(row["text"]["personal"]["value"], json!("Will!"));
    assert_ne!(row["edited_at"], Value::Null);
    assert_eq!((&row["sequence"], &row["position"]), (&json!(3), &json!(1)));
}

#[tokio::test]
async fn a_deleted_comment_leaves_nothing() {
    let history = History::default()
        .with::<Comment>(comment(1), [posted("Dorothea!"), edited("Casaubon!"), deleted(ada())]);
    assert!(rows(&Comments, &history).await["comments"].is_empty());
}
