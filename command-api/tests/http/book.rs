use domain::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::World;

fn middlemarch() -> Value {
    json!({
        "title": " Middlemarch ", "authors": ["George Eliot"], "isbn": "978-0-14-143954-9",
        "published_year": 1871, "series": {"name": "Penguin Classics", "number": 1.5},
        "genres": ["Classics", "classics"], "audience": "adults", "language": "en",
        "description": "A study of provincial life.", "cover_url": "https://example.org/m.jpg",
        "publisher": "Penguin"
    })
}

#[tokio::test]
async fn a_merchandiser_adds_revises_and_withdraws_a_book() {
    let world = World::start().await;
    let merchandiser = world.person_with("mo", &[Role::Merchandiser]).await;
    let added = world.post("/books").bearer(&merchandiser.token).json(middlemarch()).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let id = added.body["id"].as_str().unwrap();
    assert_eq!(added.header("location"), format!("/api/v1/books/{id}"));

    let path = format!("/books/{id}");
    let revision = json!({"isbn": null, "title": "Middlemarch, a Study"});
    let revised =
        world.patch(&path).bearer(&merchandiser.token).json(revision.clone()).await.done();
    assert_eq!(revised.body["sequence"], 2);
    let same = world.patch(&path).bearer(&merchandiser.token).json(revision).await.done();
    assert_eq!(same.body["unchanged"], true);

    world.delete(&path).bearer(&merchandiser.token).bare().await.done();
    let gone = world.patch(&path).bearer(&merchandiser.token).json(json!({"title": "M"})).await;
    assert_eq!(gone.problem(), (410, "book-withdrawn"));
}

#[tokio::test]
async fn an_isbn_belongs_to_one_book_until_it_is_given_up() {
    let world = World::start().await;
    let merchandiser = world.person_with("mo", &[Role::Merchandiser]).await;
    let add = async |body: Value| world.post("/books").bearer(&merchandiser.token).json(body).await;
    let first = add(middlemarch()).await.done();
    let short = json!({"title": "M", "authors": ["G"], "isbn": "0141439548"});
    assert_eq!(add(short.clone()).await.problem(), (409, "isbn-taken"));

    let path = format!("/books/{}", first.body["id"].as_str().unwrap());
    world.patch(&path).bearer(&merchandiser.token).json(json!({"isbn": null})).await.done();
    add(short).await.done();
}

#[tokio::test]
async fn what_is_wrong_with_a_book_is_pointed_at() {
    let world = World::start().await;
    let merchandiser = world.person_with("mo", &[Role::Merchandiser]).await;
    let cases = [
        (json!({"authors": ["A"]}), "/title"),
        (json!({"title": " ", "authors": ["A"]}), "/title"),
        (json!({"title": "T", "authors": []}), "/authors"),
        (json!({"title": "T", "authors": ["A"], "isbn": "0306406153"}), "/isbn"),
        (json!({"title": "T", "authors": ["A"], "published_year": 3000}), "/published_year"),
        (
            json!({"title": "T", "authors": ["A"], "series": {"name": "S", "number": -1}}),
            "/series/number",
        ),
        (json!({"title": "T", "authors": ["A"], "audience": "cats"}), "/audience"),
        (json!({"title": "T", "authors": ["A"], "cover_url": "javascript:1"}), "/cover_url"),
        (json!({"title": "T\u{0}", "authors": ["A"]}), "/title"),
        (json!({"title": "T", "authors": ["A"], "colour": "red"}), "/colour"),
        (json!({"title": "T", "authors": ["A"], "id": "x"}), "/id"),
    ];
    for (body, pointer) in cases {
        let answer = world.post("/books").bearer(&merchandiser.token).json(body).await;
        assert_eq!((answer.problem(), answer.pointer()), ((422, "invalid"), pointer));
    }
}

#[tokio::test]
async fn only_a_merchandiser_keeps_the_catalogue() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    assert_eq!(world.post("/books").json(middlemarch()).await.problem().0, 401);
    let refused = world.post("/books").bearer(&ada.token).json(middlemarch()).await;
    assert_eq!(refused.problem(), (403, "forbidden"));
    let path = format!("/books/{}", Uuid::now_v7());
    assert_eq!(world.delete(&path).bearer(&ada.token).bare().await.problem().0, 403);
}

#[tokio::test]
async fn a_book_with_an_id_of_ones_own_is_added_once() {
    let world = World::start().await;
    let merchandiser = world.person_with("mo", &[Role::Merchandiser]).await;
    let body = json!({"id": Uuid::now_v7(), "title": "T", "authors": ["A"]});
    let add = async |key: &str| {
        world.post("/books").bearer(&merchandiser.token).key(key).json(body.clone()).await
    };
    let first = add("1").await.done();
    assert_eq!(first.body["id"], body["id"]);
    let again = add("1").await;
    assert_eq!((again.status.as_u16(), again.header("idempotency-replayed")), (201, "true"));
    assert_eq!(add("2").await.problem(), (409, "book-exists"));
}
