use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Answer, Client, Receipt, System, eventually};

async fn product(mercy: &Client, on_hand: u32) -> Uuid {
    let body = json!({
        "sku": format!("SKU-{}", Uuid::now_v7().simple()), "name": "Reading lamp",
        "price": { "minor": 1999, "currency": "GBP" },
    });
    let product = mercy.post("products", body).await.accepted().id();
    let stock = format!("stock/{product}/receipts");
    mercy.post(stock, json!({ "quantity": on_hand })).await.accepted();
    product
}

fn one_line(product: Uuid, quantity: u32) -> Value {
    json!({ "items": [{ "product_id": product, "quantity": quantity }] })
}

async fn settled(customer: &Client, order: &Receipt) -> Answer {
    let path = format!("orders/{}", order.id());
    eventually(|| customer.get(&path).after(order), |answer| answer["status"] != "PENDING").await
}

#[tokio::test]
async fn an_order_is_confirmed_with_stock_reserved_for_it() {
    let system = System::start().await;
    let (mercy, ada) = (system.merchandiser().await, system.ada().await);
    let lamp = product(&mercy, 5).await;

    let placed = ada.post("orders", one_line(lamp, 2)).await;
    assert_eq!(placed.status.as_u16(), 201, "{placed}");
    let order = settled(&ada, &placed.accepted()).await;

    assert_eq!(order["status"], "CONFIRMED", "{order}");
    assert_eq!(order["total"], json!({ "minor": 3998, "currency": "GBP" }), "{order}");
    let stock = || mercy.get(format!("stock/{lamp}"));
    let stock = eventually(stock, |stock| stock["reserved"] == 2).await;
    assert_eq!((&stock["on_hand"], &stock["available"]), (&json!(5), &json!(3)), "{stock}");
}

#[tokio::test]
async fn nothing_is_sold_twice() {
    let system = System::start().await;
    let (mercy, ada, bob) = (system.merchandiser().await, system.ada().await, system.bob().await);
    let lamp = product(&mercy, 1).await;

    let hers = ada.post("orders", one_line(lamp, 1)).await.accepted();
    let his = bob.post("orders", one_line(lamp, 1)).await.accepted();

    let statuses = [settled(&ada, &hers).await, settled(&bob, &his).await];
    let mut statuses = statuses.map(|order| order["status"].as_str().unwrap().to_owned());
    statuses.sort();
    assert_eq!(statuses, ["CONFIRMED", "REJECTED"]);
}

#[tokio::test]
async fn a_cancelled_order_gives_its_stock_back() {
    let system = System::start().await;
    let (mercy, ada) = (system.merchandiser().await, system.ada().await);
    let lamp = product(&mercy, 3).await;
    let order = ada.post("orders", one_line(lamp, 3)).await.accepted();
    assert_eq!(settled(&ada, &order).await["status"], "CONFIRMED");

    ada.delete(format!("orders/{}", order.id())).await.accepted();

    let stock = || mercy.get(format!("stock/{lamp}"));
    eventually(stock, |stock| stock["reserved"] == 0).await;
}

#[tokio::test]
async fn an_order_is_its_customers_business() {
    let system = System::start().await;
    let (mercy, ada, bob) = (system.merchandiser().await, system.ada().await, system.bob().await);
    let lamp = product(&mercy, 1).await;
    let order = ada.post("orders", one_line(lamp, 1)).await.accepted();

    let answer = bob.get(format!("orders/{}", order.id())).after(&order).await;

    assert!([403, 404].contains(&answer.status.as_u16()), "{answer}");
}
