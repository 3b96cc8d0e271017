use domain::Role;
use serde_json::{Value, json};

use crate::world::{Person, World};

/// A product at a price in pence; its id.
pub async fn add(world: &World, merchandiser: &Person, sku: &str, pence: i64) -> String {
    let added = world.post("/products").bearer(&merchandiser.token).json(lantern(sku, pence)).await;
    assert_eq!(added.status, 201, "{}", added.text);
    added.body["id"].as_str().unwrap().to_owned()
}

fn lantern(sku: &str, pence: i64) -> Value {
    json!({
        "sku": sku, "name": "White Metal Lantern", "category": "garden", "tags": ["metal"],
        "price": {"minor": pence, "currency": "GBP"}
    })
}

#[tokio::test]
async fn a_merchandiser_adds_changes_and_discontinues_a_product() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let id = add(&world, &mo, "71053", 339).await;
    let taken = world.post("/products").bearer(&mo.token).json(lantern("71053", 1)).await;
    assert_eq!(taken.problem(), (409, "sku-taken"));

    let path = format!("/products/{id}");
    let change = json!({"name": "Lantern", "price": {"minor": 395, "currency": "GBP"}});
    let changed = world.patch(&path).bearer(&mo.token).json(change.clone()).await.done();
    assert_eq!(changed.body["sequence"], 3, "revised and repriced");
    let same = world.patch(&path).bearer(&mo.token).json(change.clone()).await.done();
    assert_eq!(same.body["unchanged"], true);

    world.delete(&path).bearer(&mo.token).bare().await.done();
    let gone = world.patch(&path).bearer(&mo.token).json(change).await;
    assert_eq!(gone.problem(), (410, "product-discontinued"));
    add(&world, &mo, "71053", 339).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_product_is_pointed_at() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let with = |field: &str, value: Value| {
        let mut body = lantern("71053", 339);
        body[field] = value;
        body
    };
    let cases = [
        (with("sku", json!("")), "/sku"),
        (with("name", json!(7)), "/name"),
        (with("price", json!({"minor": -1, "currency": "GBP"})), "/price"),
        (with("price", json!({"minor": 1.5, "currency": "GBP"})), "/price/minor"),
        (with("price", json!({"minor": 1, "currency": "pounds"})), "/price/currency"),
        (with("price", json!({"minor": 1, "currency": "ABC"})), "/price/currency"),
        (with("price", json!({"minor": 1})), "/price/currency"),
        (with("tags", json!([""])), "/tags/0"),
    ];
    for (body, pointer) in cases {
        let answer = world.post("/products").bearer(&mo.token).json(body).await;
        assert_eq!((answer.problem(), answer.pointer()), ((422, "invalid"), pointer));
    }
}
