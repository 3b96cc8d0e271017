use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::System;

fn lamp(sku: &str, minor: i64) -> Value {
    json!({
        "sku": sku, "name": "Reading lamp", "price": { "minor": minor, "currency": "GBP" },
        "category": "Light", "tags": ["desk", "warm"],
    })
}

fn sku() -> String {
    format!("LAMP-{}", Uuid::now_v7().simple())
}

#[tokio::test]
async fn a_product_is_found_by_its_sku_and_priced_anew() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    let sku = sku();
    let added = mercy.post("products", lamp(&sku, 1999)).await;
    assert_eq!(added.status.as_u16(), 201, "{added}");
    let location = added.header("location").to_owned();
    let added = added.accepted();

    let product = system.get(&location).after(&added).await;
    assert_eq!(product["price"], json!({ "minor": 1999, "currency": "GBP" }), "{product}");
    assert_eq!(product["available"], 0, "{product}");
    let found = system.get(format!("products?sku={sku}&category=light&tag=desk")).await;
    assert_eq!(found["items"][0]["id"], added.id().to_string(), "{found}");

    let price = json!({ "price": { "minor": 1499, "currency": "GBP" } });
    let repriced = mercy.patch(format!("products/{}", added.id()), price).await.accepted();
    let product = system.get(&location).after(repriced).await;
    assert_eq!(product["price"]["minor"], 1499, "{product}");
    assert_eq!(product["name"], "Reading lamp", "{product}");
    assert_eq!(product["lowest_30_days"], 1499, "{product}");
    let prices = system.get(format!("products/{}/prices", added.id())).await;
    let minor = [0, 1].map(|at| prices["items"][at]["minor"].clone());
    assert_eq!(minor, [1499, 1999], "{prices}");
}

#[tokio::test]
async fn a_sku_names_one_product() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    let sku = sku();
    mercy.post("products", lamp(&sku, 1999)).await.accepted();

    mercy.post("products", lamp(&sku, 2999)).await.refused(409, "sku-taken");
}

#[tokio::test]
async fn a_price_below_nothing_is_refused_with_the_field_named() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;

    let problem = mercy.post("products", lamp(&sku(), -1)).await.refused(422, "invalid");
    assert!(problem["errors"][0]["pointer"].as_str().unwrap().starts_with("/price"), "{problem}");
    let mut pounds = lamp(&sku(), 1);
    pounds["price"]["currency"] = json!("pounds");
    let problem = mercy.post("products", pounds).await.refused(422, "invalid");
    assert!(problem["errors"][0]["pointer"].as_str().unwrap().starts_with("/price"), "{problem}");
    system.ada().await.post("products", lamp(&sku(), 1)).await.refused(403, "forbidden");
}

#[tokio::test]
async fn what_is_discontinued_is_neither_listed_nor_sold() {
    let system = System::start().await;
    let (mercy, ada, sku) = (system.merchandiser().await, system.ada().await, sku());
    let product = mercy.post("products", lamp(&sku, 1999)).await.accepted();
    let path = format!("products/{}", product.id());
    let listed = system.get(format!("products?sku={sku}")).after(&product).await.ok();
    assert_eq!(listed["items"][0]["id"], product.id().to_string(), "{listed}");
    mercy
        .post(format!("stock/{}/receipts", product.id()), json!({ "quantity": 5 }))
        .await
        .accepted();

    let gone = mercy.delete(&path).await.accepted();

    let page = system.get(&path).after(&gone).await;
    assert_eq!(page["discontinued"], true, "{page}");
    let list = system.get(format!("products?sku={sku}")).after(&gone).await;
    assert_eq!(list["items"], json!([]), "{list}");
    let items = json!({ "items": [{ "product_id": product.id(), "quantity": 1 }] });
    let problem = ada.post("orders", items).await.refused(409, "product-discontinued");
    assert_eq!(problem["errors"][0]["pointer"], "/items/0/product_id", "{problem}");
}
