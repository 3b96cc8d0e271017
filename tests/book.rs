use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::System;

fn persuasion() -> Value {
    json!({
        "title": "Persuasion", "authors": ["Jane Austen"], "published_year": 1817,
        "genres": ["novel"], "language": "en",
    })
}

#[tokio::test]
async fn a_book_added_is_a_book_found() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    let title = format!("Persuasion {}", Uuid::now_v7().simple());
    let added = mercy.post("books", json!({ "title": title, "authors": ["Jane Austen"] })).await;
    assert_eq!(added.status.as_u16(), 201, "{added}");
    assert!(!added.header("location").is_empty(), "{added}");
    let added = added.accepted();

    let book = system.get(format!("books/{}", added.id())).after(&added).await;
    assert_eq!(book["title"], title, "{book}");
    let word = title.split(' ').nth(1).unwrap();
    let found = system.get(format!("books?q={word}")).after(&added).await;
    assert_eq!(found["items"][0]["id"], added.id().to_string(), "{found}");
}

#[tokio::test]
async fn only_a_merchandiser_keeps_the_catalogue() {
    let system = System::start().await;

    system.ada().await.post("books", persuasion()).await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_change_on_an_old_version_is_refused_with_the_current_one() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    let book = mercy.post("books", persuasion()).await.accepted();
    let path = format!("books/{}", book.id());
    mercy.patch(&path, json!({ "published_year": 1818 })).await.accepted();

    let stale = mercy.patch(&path, json!({ "published_year": 1816 })).header("if-match", "\"1\"");

    assert_eq!(stale.await.status.as_u16(), 412);
}

#[tokio::test]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    let book = mercy.post("books", persuasion()).await.accepted();
    let path = format!("books/{}", book.id());

    let first = system.get(&path).after(&book).await.ok();
    let second = system.get(&path).header("if-none-match", first.header("etag")).await;

    assert_eq!(second.status.as_u16(), 304, "{second}");
}

#[tokio::test]
async fn bad_input_is_refused_with_the_field_named_and_changes_nothing() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    for (body, pointer) in [
        (json!({ "title": "", "authors": ["A"] }), "/title"),
        (json!({ "title": "T", "authors": ["A"], "isbn": "123" }), "/isbn"),
        (json!({ "title": "T", "authors": ["A"], "colour": "red" }), "/colour"),
        (json!({ "title": "T", "authors": "A" }), "/authors"),
    ] {
        let problem = mercy.post("books", body).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
}
