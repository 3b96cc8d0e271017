use domain::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::product;
use crate::world::World;

#[tokio::test]
async fn stock_is_received_adjusted_and_watched() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let id = product::add(&world, &mo, "71053", 339).await;
    let post = async |what: &str, body: Value| {
        world.post(&format!("/stock/{id}/{what}")).bearer(&mo.token).json(body).await
    };
    let received = post("receipts", json!({"quantity": 10, "reason": "delivery"})).await.done();
    assert_eq!(received.body["stream"], json!({"type": "stock", "id": id}));
    post("adjustments", json!({"quantity": -4, "reason": "broken"})).await.done();
    let too_many = post("adjustments", json!({"quantity": -7})).await;
    assert_eq!(too_many.problem(), (409, "stock-not-available"));
    assert_eq!(too_many.body["available"], 6);

    let level = format!("/stock/{id}/reorder-level");
    let set = world.put(&level).bearer(&mo.token).json(json!({"quantity": 6})).await.done();
    assert_eq!(set.body["sequence"], 4, "set, and low at once");
    world.put(&level).bearer(&mo.token).json(json!({"quantity": null})).await.done();
}

#[tokio::test]
async fn what_is_wrong_with_a_movement_is_pointed_at() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let id = product::add(&world, &mo, "71053", 339).await;
    for (what, quantity) in [
        ("receipts", json!(0)),
        ("receipts", json!(-1)),
        ("receipts", json!(1_000_000)),
        ("receipts", json!("3")),
        ("adjustments", json!(0)),
        ("adjustments", json!(0.5)),
    ] {
        let path = format!("/stock/{id}/{what}");
        let answer = world.post(&path).bearer(&mo.token).json(json!({"quantity": quantity})).await;
        assert_eq!((answer.problem(), answer.pointer()), ((422, "invalid"), "/quantity"));
    }
    let path = format!("/stock/{}/receipts", Uuid::now_v7());
    let unknown = world.post(&path).bearer(&mo.token).json(json!({"quantity": 1})).await;
    assert_eq!(unknown.problem(), (404, "product-unknown"));
    let ada = world.person("ada").await;
    let path = format!("/stock/{id}/receipts");
    let refused = world.post(&path).bearer(&ada.token).json(json!({"quantity": 1})).await;
    assert_eq!(refused.problem(), (403, "forbidden"));
}
