use domain::Role;
use serde_json::json;
use uuid::Uuid;

use crate::world::{Person, World};

async fn book(world: &World) -> (Person, String) {
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let book = json!({"title": "Middlemarch", "authors": ["George Eliot"]});
    let book = world.post("/books").bearer(&mo.token).json(book).await.done();
    let path = format!("/books/{}", book.body["id"].as_str().unwrap());
    (mo, path)
}

#[tokio::test]
async fn a_reader_posts_edits_and_deletes_a_comment() {
    let world = World::start().await;
    let (_, book) = book(&world).await;
    let ada = world.person("ada").await;
    let post = world.post(&format!("{book}/comments")).bearer(&ada.token);
    let posted = post.json(json!({"text": "Dorothea!"})).await;
    assert_eq!(posted.status, 201, "{}", posted.text);
    let path = format!("/comments/{}", posted.body["id"].as_str().unwrap());
    assert_eq!(posted.header("location"), format!("/api/v1{path}"));

    let edit =
        async |text: &str| world.patch(&path).bearer(&ada.token).json(json!({"text": text})).await;
    assert_eq!(edit("Dorothea!").await.done().body["unchanged"], true);
    assert_eq!(edit("Poor Dorothea!").await.done().body["sequence"], 2);
    assert_eq!(edit(" Poor Dorothea! ").await.done().body["unchanged"], true);
    // A process that knows the comment only from the log says the same.
    let neighbour = world.neighbour().await;
    let there = neighbour.patch(&path).bearer(&ada.token).json(json!({"text": "Poor Dorothea!"}));
    assert_eq!(there.await.done().body["unchanged"], true);

    let delete = async || world.delete(&path).bearer(&ada.token).bare().await;
    assert_eq!(delete().await.done().body["sequence"], 3);
    assert_eq!(delete().await.done().body["unchanged"], true);
    assert_eq!(edit("Poor Dorothea!").await.problem(), (410, "comment-deleted"));
}

#[tokio::test]
async fn the_author_edits_and_the_author_or_an_operator_deletes() {
    let world = World::start().await;
    let (mo, book) = book(&world).await;
    let ada = world.person("ada").await;
    let olga = world.person_with("olga", &[Role::Operator]).await;
    let post = world.post(&format!("{book}/comments")).bearer(&ada.token);
    let posted = post.json(json!({"text": "Dorothea!"})).await.done();
    let path = format!("/comments/{}", posted.body["id"].as_str().unwrap());
    for other in [&mo, &olga] {
        let edit = world.patch(&path).bearer(&other.token).json(json!({"text": "Casaubon!"}));
        assert_eq!(edit.await.problem(), (403, "not-the-author"));
    }
    let delete = async |who: &Person| world.delete(&path).bearer(&who.token).bare().await;
    assert_eq!(delete(&mo).await.problem(), (403, "not-the-author"));
    delete(&olga).await.done();

    let nothing = format!("/comments/{}", Uuid::now_v7());
    let delete = world.delete(&nothing).bearer(&olga.token).bare().await;
    assert_eq!(delete.problem(), (404, "comment-unknown"));
}

#[tokio::test]
async fn a_comment_is_about_something_and_says_something() {
    let world = World::start().await;
    let (mo, book) = book(&world).await;
    let post = async |path: &str, body| world.post(path).bearer(&mo.token).json(body).await;
    for kind in ["books", "courses", "products"] {
        let path = format!("/{kind}/{}/comments", Uuid::now_v7());
        assert_eq!(post(&path, json!({"text": "Ah"})).await.problem(), (404, "item-unknown"));
    }
    let cats = format!("/cats/{}/comments", Uuid::now_v7());
    assert_eq!(post(&cats, json!({"text": "Ah"})).await.problem(), (404, "not-found"));

    let path = format!("{book}/comments");
    for text in [json!(""), json!(" \n"), json!("é".repeat(5001)), json!("a\u{0}b"), json!(7)] {
        let answer = post(&path, json!({"text": text})).await;
        assert_eq!((answer.problem(), answer.pointer()), ((422, "invalid"), "/text"));
    }
    let by_another = post(&path, json!({"text": "Ah", "author": Uuid::now_v7()})).await;
    assert_eq!((by_another.problem(), by_another.pointer()), ((422, "invalid"), "/author"));
    assert_eq!(world.post(&path).json(json!({"text": "Ah"})).await.problem().0, 401);
    post(&path, json!({"text": "é".repeat(5000)})).await.done();

    let said = post(&path, json!({"text": "Ah"})).await.done();
    world.delete(&book).bearer(&mo.token).bare().await.done();
    assert_eq!(post(&path, json!({"text": "Ah"})).await.problem(), (404, "item-unknown"));
    let said = format!("/comments/{}", said.body["id"].as_str().unwrap());
    world.patch(&said).bearer(&mo.token).json(json!({"text": "Oh"})).await.done();
}

#[tokio::test]
async fn a_comment_with_an_id_of_ones_own_is_posted_once() {
    let world = World::start().await;
    let (mo, book) = book(&world).await;
    let path = format!("{book}/comments");
    let body = json!({"id": Uuid::now_v7(), "text": "Dorothea!"});
    let post =
        async |key: &str| world.post(&path).bearer(&mo.token).key(key).json(body.clone()).await;
    let first = post("1").await.done();
    assert_eq!(first.body["id"], body["id"]);
    let again = post("1").await;
    assert_eq!((again.status.as_u16(), again.header("idempotency-replayed")), (201, "true"));
    assert_eq!(post("2").await.problem(), (409, "comment-exists"));
}

#[tokio::test]
async fn what_was_said_is_sealed_in_the_log_with_its_authors_key() {
    let world = World::start().await;
    let (mo, book) = book(&world).await;
    let post = world.post(&format!("{book}/comments")).bearer(&mo.token);
    post.json(json!({"text": "Dorothea!"})).await.done();
    let payload: String = sqlx::query_scalar(
        "select payload::text from eventstore.events where event_type = 'CommentPosted'",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert!(!payload.contains("Dorothea"), "{payload}");
    let payload: serde_json::Value = serde_json::from_str(&payload).unwrap();
    assert_eq!(payload["text"]["sealed"]["subject"], json!(mo.id), "{payload}");
}
