use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Answer, Shop};

fn one_line(product: Uuid, quantity: u32) -> Value {
    json!({ "items": [{ "product_id": product, "quantity": quantity }] })
}

#[tokio::test]
async fn an_order_is_confirmed_with_stock_reserved_for_it() {
    let shop = Shop::with(5).await;
    let ada = shop.system.ada().await;

    let placed = ada.post("orders", one_line(shop.product, 2)).await;
    assert_eq!(placed.status.as_u16(), 201, "{placed}");
    let order = ada.settled(&placed.accepted()).await;

    assert_eq!(order["status"], "CONFIRMED", "{order}");
    assert_eq!(order["total"], json!({ "minor": 3998, "currency": "GBP" }), "{order}");
    let stock = shop.level(shop.product, |stock| stock["reserved"] == 2).await;
    assert_eq!((&stock["on_hand"], &stock["available"]), (&json!(5), &json!(3)), "{stock}");
}

#[tokio::test]
async fn a_cancelled_order_gives_its_stock_back() {
    let shop = Shop::with(3).await;
    let ada = shop.system.ada().await;
    let order = ada.orders(shop.product, 3).await;
    assert_eq!(ada.settled(&order).await["status"], "CONFIRMED");

    let cancelled = ada.delete(format!("orders/{}", order.id())).await.accepted();

    let page = ada.get(format!("orders/{}", order.id())).after(cancelled).await;
    assert_eq!(page["status"], "CANCELLED", "{page}");
    shop.level(shop.product, |stock| stock["available"] == 3).await;
    let again = ada.delete(format!("orders/{}", order.id())).await.accepted();
    assert_eq!(again.body["unchanged"], true, "{}", again.body);
}

#[tokio::test]
async fn more_than_there_is_is_refused_with_the_reason_and_the_rest_goes_back() {
    let shop = Shop::with(5).await;
    let ada = shop.system.ada().await;
    let price = json!({ "minor": 500, "currency": "GBP" });
    let scarce = shop.stocked(&price, 1).await;
    let items = json!({ "items": [
        { "product_id": shop.product, "quantity": 4 },
        { "product_id": scarce, "quantity": 2 },
    ] });

    let order = ada.post("orders", items).await.accepted();
    let order = ada.settled(&order).await;

    assert_eq!(order["status"], "REJECTED", "{order}");
    let short = json!([{ "product": scarce, "wanted": 2, "available": 1 }]);
    assert_eq!(order["reason"], json!({ "code": "out-of-stock", "short": short }), "{order}");
    for (product, on_hand) in [(shop.product, 5), (scarce, 1)] {
        let level = shop.level(product, |level| level["reserved"] == 0).await;
        assert_eq!(level["available"], on_hand, "{level}");
    }
}

#[tokio::test]
async fn an_order_goes_out_and_arrives_and_its_page_tells_when() {
    let shop = Shop::with(5).await;
    let ada = shop.system.ada().await;
    let order = ada.orders(shop.product, 1).await;
    ada.settled(&order).await;
    let status = format!("orders/{}/status", order.id());
    let delivered = json!({ "status": "DELIVERED" });
    let problem = shop.mercy.patch(&status, delivered.clone()).await.refused(409, "order-status");
    assert_eq!(problem["order_status"], "CONFIRMED", "{problem}");
    ada.patch(&status, delivered.clone()).await.refused(403, "forbidden");

    shop.mercy.patch(&status, json!({ "status": "SHIPPED" })).await.accepted();
    ada.delete(format!("orders/{}", order.id())).await.refused(409, "order-status");
    let arrived = shop.mercy.patch(&status, delivered).await.accepted();

    let page = ada.get(format!("orders/{}", order.id())).after(&arrived).await;
    let steps = page["timeline"].as_array().unwrap();
    let steps: Vec<&str> = steps.iter().map(|step| step["status"].as_str().unwrap()).collect();
    assert_eq!(steps, ["PENDING", "CONFIRMED", "SHIPPED", "DELIVERED"], "{page}");
    let number = page["number"].as_str().unwrap();
    assert!(number.starts_with("ORD-") && number.len() == 19, "{number}");
    let mine = ada.get("accounts/me/orders?status=DELIVERED").await;
    assert_eq!(mine["items"][0]["id"], order.id().to_string(), "{mine}");
}

#[tokio::test]
async fn an_order_keeps_the_price_of_its_day() {
    let shop = Shop::with(5).await;
    let ada = shop.system.ada().await;
    let order = ada.orders(shop.product, 2).await;
    let price = json!({ "price": { "minor": 1, "currency": "GBP" } });
    shop.mercy.patch(format!("products/{}", shop.product), price).await.accepted();

    let page = ada.settled(&order).await;

    assert_eq!(page["total"], json!({ "minor": 3998, "currency": "GBP" }), "{page}");
    assert_eq!(page["lines"][0]["unit_price_minor"], 1999, "{page}");
}

#[tokio::test]
async fn what_cannot_be_ordered_is_refused_with_the_line_named() {
    let shop = Shop::with(5).await;
    let ada = shop.system.ada().await;
    let line =
        |product: Uuid, quantity: u32| json!({ "product_id": product, "quantity": quantity });
    let euros = shop.stocked(&json!({ "minor": 1, "currency": "EUR" }), 1).await;
    let unknown = Uuid::now_v7();
    for (items, status, code, pointer) in [
        (json!([]), 422, "invalid", "/items"),
        (json!([line(shop.product, 0)]), 422, "invalid", "/items/0/quantity"),
        (
            json!([line(shop.product, 1), line(unknown, 1)]),
            404,
            "product-unknown",
            "/items/1/product_id",
        ),
        (json!([line(shop.product, 1), line(euros, 1)]), 409, "mixed-currencies", ""),
    ] {
        let problem = ada.post("orders", json!({ "items": items })).await.refused(status, code);
        let pointed = problem["errors"][0]["pointer"].as_str().unwrap_or_default();
        assert_eq!(pointed, pointer, "{problem}");
    }
    let mine = ada.get("accounts/me/orders").header("prefer", "wait=1").await;
    assert_eq!(mine["items"], json!([]), "{mine}");
}

#[tokio::test]
async fn the_orders_of_others_are_not_there() {
    let shop = Shop::with(5).await;
    let (ada, bob) = (shop.system.ada().await, shop.system.bob().await);
    let order = ada.orders(shop.product, 1).await;
    ada.settled(&order).await;
    let path = format!("orders/{}", order.id());

    bob.get(&path).after(&order).await.refused(404, "order-unknown");
    let cancelled = bob.delete(&path).await;
    assert!([403, 404].contains(&cancelled.status.as_u16()), "{cancelled}");
    bob.get(format!("orders?customer={}", ada.id)).await.refused(403, "forbidden");
    bob.get("orders").await.refused(403, "forbidden");
    assert_eq!(ada.get(&path).await["status"], "CONFIRMED");
    shop.mercy.get(&path).await.ok();
    let hers = shop.mercy.get(format!("orders?customer={}", ada.id)).await.ok();
    assert_eq!(hers["items"].as_array().unwrap().len(), 1, "{hers}");
}

#[tokio::test]
async fn of_forty_who_want_one_of_ten_ten_get_it() {
    let shop = Shop::with(10).await;
    let ada = shop.system.ada().await;
    let orders = (0..40).map(|_| ada.orders(shop.product, 1));
    let orders = futures::future::join_all(orders).await;

    let settled = futures::future::join_all(orders.iter().map(|order| ada.settled(order))).await;

    let of = |status: &str| settled.iter().filter(|order| order["status"] == status).count();
    assert_eq!((of("CONFIRMED"), of("REJECTED")), (10, 30));
    let level = shop.level(shop.product, |level| level["available"] == 0).await;
    assert_eq!((&level["on_hand"], &level["reserved"]), (&json!(10), &json!(10)), "{level}");
    let numbers: std::collections::BTreeSet<String> =
        settled.iter().map(|order| order["number"].to_string()).collect();
    assert_eq!(numbers.len(), 40, "every order has a number of its own");
}

#[tokio::test]
async fn the_same_order_sent_twice_is_one_order() {
    let shop = Shop::with(5).await;
    let ada = shop.system.ada().await;
    let key = Uuid::now_v7();
    let send = || ada.post("orders", one_line(shop.product, 1)).header("idempotency-key", key);

    let (first, second) = tokio::join!(async { send().await }, async { send().await });
    let both = [first, second];
    let accepted: Vec<Answer> = both.iter().filter(|a| a.status.is_success()).cloned().collect();
    for answer in &both {
        let is_fine = answer.status.is_success() || answer.status.as_u16() == 409;
        assert!(is_fine, "{answer}");
    }
    let again = send().await;
    assert_eq!(again.header("idempotency-replayed"), "true", "{again}");
    assert_eq!(again.status, accepted[0].status, "a repeated request is answered the same");
    assert_eq!(again.header("location"), accepted[0].header("location"));
    assert_eq!(again.clone().accepted().id(), accepted[0].clone().accepted().id());
    let mine = ada.get("accounts/me/orders").after(again.accepted()).await;
    assert_eq!(mine["items"].as_array().unwrap().len(), 1, "{mine}");
}

#[tokio::test]
async fn what_a_customer_who_is_gone_has_reserved_is_given_back_by_a_merchandiser() {
    let shop = Shop::with(3).await;
    let (ada, bob) = (shop.system.ada().await, shop.system.bob().await);
    let order = ada.orders(shop.product, 3).await;
    assert_eq!(ada.settled(&order).await["status"], "CONFIRMED");
    ada.delete("accounts/me").await.accepted();
    let path = format!("orders/{}", order.id());
    bob.delete(&path).await.refused(403, "not-the-customer");

    let cancelled = shop.mercy.delete(&path).await.accepted();

    let page = shop.mercy.get(&path).after(cancelled).await;
    assert_eq!(page["status"], "CANCELLED", "{page}");
    assert_eq!(page["timeline"][2]["by"], shop.mercy.id.to_string(), "{page}");
    shop.level(shop.product, |stock| stock["available"] == 3).await;
}
