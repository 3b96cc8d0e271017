use domain::samples::{ada, bob, middlemarch, uuid};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn an_item_nobody_has_rated_has_no_ratings() {
    let world = World::start().await;
    let last = world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    let ratings = world.get(&format!("/books/{}/ratings", middlemarch())).after(last).ok().await;
    assert_eq!((&ratings["count"], &ratings["average"]), (&json!(0), &json!(null)));
    let unknown = world.get(&format!("/books/{}/ratings", uuid(9))).problem().await;
    assert_eq!(unknown, (404, "item-unknown".to_owned()));
    let nothing = world.get(&format!("/films/{}/ratings", uuid(9))).problem().await;
    assert_eq!(nothing, (404, "not-found".to_owned()));
}

#[tokio::test]
async fn ratings_are_counted_by_score_and_mine_is_among_them() {
    let world = World::start().await;
    world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    world.rate(ada(), middlemarch(), 9).await;
    let last = world.rate(bob(), middlemarch(), 4).await;
    let path = format!("/books/{}/ratings", middlemarch());
    let token = world.token(bob(), &[]);
    let ratings = world.get(&path).bearer(&token).after(last).ok().await;
    assert_eq!(
        ratings,
        json!({"count": 2, "average": 6.5, "histogram": [0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], "mine": 4})
    );
    let mine = world.get("/accounts/me/ratings?kind=book").bearer(&token).ok().await;
    assert_eq!(mine["items"][0]["title"], json!("Middlemarch"));
    assert_eq!(mine["items"][0]["score"], json!(4));
    let none = world.get("/accounts/me/ratings?kind=product").bearer(&token).ok().await;
    assert!(none["items"].as_array().unwrap().is_empty());
}
