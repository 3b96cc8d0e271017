use domain::Role;
use serde_json::json;
use uuid::Uuid;

use crate::world::World;

#[tokio::test]
async fn a_reader_rates_changes_and_withdraws() {
    let world = World::start().await;
    let ada = world.person_with("ada", &[Role::Merchandiser]).await;
    let book = json!({"title": "Middlemarch", "authors": ["George Eliot"]});
    let book = world.post("/books").bearer(&ada.token).json(book).await.done();
    let id = book.body["id"].as_str().unwrap();
    let path = format!("/books/{id}/rating");
    let rate = async |score: u8| {
        world.put(&path).bearer(&ada.token).json(json!({"score": score})).await.done()
    };
    let rated = rate(9).await;
    assert_eq!(rated.body["stream"]["id"], format!("{}:book:{id}", ada.id));
    assert_eq!(rated.header("etag"), "\"1\"");
    assert_eq!(rate(9).await.body["unchanged"], true);
    assert_eq!(rate(3).await.body["sequence"], 2);

    world.delete(&path).bearer(&ada.token).bare().await.done();
    let twice = world.delete(&path).bearer(&ada.token).bare().await;
    assert_eq!(twice.problem(), (404, "nothing-to-withdraw"));
}

#[tokio::test]
async fn only_what_exists_is_rated_and_only_in_whole_points_up_to_ten() {
    let world = World::start().await;
    let ada = world.person_with("ada", &[Role::Merchandiser]).await;
    let rate = async |path: &str, body| world.put(path).bearer(&ada.token).json(body).await;
    for kind in ["books", "courses", "products"] {
        let path = format!("/{kind}/{}/rating", Uuid::now_v7());
        assert_eq!(rate(&path, json!({"score": 9})).await.problem(), (404, "item-unknown"));
    }
    let cats = format!("/cats/{}/rating", Uuid::now_v7());
    assert_eq!(rate(&cats, json!({"score": 9})).await.problem(), (404, "not-found"));

    let book = json!({"title": "Middlemarch", "authors": ["George Eliot"]});
    let book = world.post("/books").bearer(&ada.token).json(book).await.done();
    let path = format!("/books/{}/rating", book.body["id"].as_str().unwrap());
    for score in [json!(11), json!(-1), json!(7.5), json!("7"), json!(null)] {
        let answer = rate(&path, json!({"score": score})).await;
        assert_eq!((answer.problem(), answer.pointer()), ((422, "invalid"), "/score"));
    }
    assert_eq!(world.put(&path).json(json!({"score": 9})).await.problem().0, 401);

    let withdrawn = path.strip_suffix("/rating").unwrap();
    world.delete(withdrawn).bearer(&ada.token).bare().await.done();
    assert_eq!(rate(&path, json!({"score": 9})).await.problem(), (404, "item-unknown"));
}
