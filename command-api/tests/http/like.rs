use domain::Role;
use serde_json::json;
use uuid::Uuid;

use crate::world::World;

#[tokio::test]
async fn a_reader_likes_an_item_and_a_comment_once_and_takes_it_back() {
    let world = World::start().await;
    let ada = world.person_with("ada", &[Role::Merchandiser]).await;
    let book = json!({"title": "Middlemarch", "authors": ["George Eliot"]});
    let book = world.post("/books").bearer(&ada.token).json(book).await.done();
    let book = book.body["id"].as_str().unwrap();
    let comment = world.post(&format!("/books/{book}/comments")).bearer(&ada.token);
    let comment = comment.json(json!({"text": "Dorothea!"})).await.done();
    let comment = comment.body["id"].as_str().unwrap();
    for (path, stream) in [
        (format!("/books/{book}/like"), format!("{}:book:{book}", ada.id)),
        (format!("/comments/{comment}/like"), format!("{}:comment:{comment}", ada.id)),
    ] {
        let like = async || world.put(&path).bearer(&ada.token).bare().await.done();
        let unlike = async || world.delete(&path).bearer(&ada.token).bare().await.done();
        assert_eq!(unlike().await.body["unchanged"], true);
        assert_eq!(like().await.body["stream"], json!({"type": "like", "id": stream}));
        assert_eq!(like().await.body["unchanged"], true);
        assert_eq!(unlike().await.body["sequence"], 2);
        assert_eq!(unlike().await.body["unchanged"], true);
        assert_eq!(like().await.body["sequence"], 3);
    }
}

#[tokio::test]
async fn only_what_exists_is_liked_but_a_like_is_always_taken_back() {
    let world = World::start().await;
    let ada = world.person_with("ada", &[Role::Merchandiser]).await;
    let like = async |path: &str| world.put(path).bearer(&ada.token).bare().await;
    for (kind, code) in [
        ("books", "item-unknown"),
        ("courses", "item-unknown"),
        ("products", "item-unknown"),
        ("comments", "comment-unknown"),
        ("cats", "not-found"),
    ] {
        let path = format!("/{kind}/{}/like", Uuid::now_v7());
        assert_eq!(like(&path).await.problem(), (404, code));
        assert_eq!(world.put(&path).bare().await.problem().0, 401);
    }

    let book = json!({"title": "Middlemarch", "authors": ["George Eliot"]});
    let book = world.post("/books").bearer(&ada.token).json(book).await.done();
    let book = format!("/books/{}", book.body["id"].as_str().unwrap());
    let comment = world.post(&format!("{book}/comments")).bearer(&ada.token);
    let comment = comment.json(json!({"text": "Dorothea!"})).await.done();
    let comment = format!("/comments/{}", comment.body["id"].as_str().unwrap());
    for (target, code) in [(comment, "comment-unknown"), (book, "item-unknown")] {
        let path = format!("{target}/like");
        like(&path).await.done();
        world.delete(&target).bearer(&ada.token).bare().await.done();
        let taken_back = world.delete(&path).bearer(&ada.token).bare().await.done();
        assert_eq!(taken_back.body["sequence"], 2);
        assert_eq!(like(&path).await.problem(), (404, code));
    }
}
