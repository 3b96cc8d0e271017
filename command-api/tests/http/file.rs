use axum::body::Body;
use domain::Role;
use serde_json::json;

use crate::world::{Answer, Person, World};

const COVER: &[u8] = b"\x89PNG\r\n\x1a\n and more";

async fn book(world: &World, mercy: &Person) -> String {
    let book = json!({"title": "Middlemarch", "authors": ["George Eliot"]});
    let book = world.post("/books").bearer(&mercy.token).json(book).await.done();
    book.body["id"].as_str().unwrap().to_owned()
}

async fn put(world: &World, by: &Person, path: &str, kind: &str, body: &[u8]) -> Answer {
    let ask = world.put(path).bearer(&by.token).with("content-type", kind);
    ask.body(Body::from(body.to_vec())).await
}

#[tokio::test]
async fn a_file_is_attached_replaced_and_removed() {
    let world = World::start().await;
    let mercy = world.person_with("mercy", &[Role::Merchandiser]).await;
    let book = book(&world, &mercy).await;
    let path = format!("/books/{book}/files/cover.png");
    let attached = put(&world, &mercy, &path, "image/png", COVER).await.done();
    let stream = json!({"type": "file", "id": format!("book:{book}")});
    assert_eq!(attached.body["stream"], stream);
    let again = put(&world, &mercy, &path, "IMAGE/PNG; x=y", COVER).await.done();
    assert_eq!(again.body["unchanged"], true);
    let other = [COVER, b"!"].concat();
    let replaced = put(&world, &mercy, &path, "image/png", &other).await.done();
    assert_eq!(replaced.body["sequence"], 2);
    assert_ne!(replaced.body["sha256"], attached.body["sha256"]);
    let remove = || world.delete(&path).bearer(&mercy.token).bare();
    assert_eq!(remove().await.done().body["sequence"], 3);
    assert_eq!(remove().await.problem(), (404, "file-unknown"));
}

#[tokio::test]
async fn what_cannot_be_attached_says_why() {
    let world = World::start().await;
    let mercy = world.person_with("mercy", &[Role::Merchandiser]).await;
    let ada = world.person("ada").await;
    let book = book(&world, &mercy).await;
    let path = format!("/books/{book}/files/cover.png");
    let nowhere = path.replace(&book, &uuid::Uuid::now_v7().to_string());
    for (by, path, kind, body, problem) in [
        (&mercy, &path, "image/png", &b"no picture"[..], (415, "unsupported-media-type")),
        (&mercy, &path, "text/plain", COVER, (415, "unsupported-media-type")),
        (&mercy, &path, "image/png", b"", (422, "invalid")),
        (&ada, &path, "image/png", COVER, (403, "forbidden")),
        (&mercy, &nowhere, "image/png", COVER, (404, "item-unknown")),
        (&mercy, &path.replace("books", "films"), "image/png", COVER, (404, "not-found")),
    ] {
        let answer = put(&world, by, path, kind, body).await;
        assert_eq!(answer.problem(), problem, "{path} {kind}");
    }
    let bare = world.put(&path).bearer(&mercy.token).bare().await;
    assert_eq!(bare.problem(), (415, "unsupported-media-type"));
}
