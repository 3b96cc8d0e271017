use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Answer, Shop};

fn movements(answer: &Answer) -> Vec<(&str, i64)> {
    let items = answer["items"].as_array().unwrap();
    let movement = |item: &'_ Value| item["quantity"].as_i64().unwrap();
    items.iter().map(|item| (item["movement"].as_str().unwrap(), movement(item))).collect()
}

#[tokio::test]
async fn what_comes_in_and_goes_out_adds_up_to_what_there_is() {
    let shop = Shop::with(10).await;
    let stock = format!("stock/{}", shop.product);
    let delivery = json!({ "quantity": 5, "reason": "second delivery" });
    shop.mercy.post(format!("{stock}/receipts"), delivery).await.accepted();
    let broken = json!({ "quantity": -3, "reason": "broken" });
    let broken = shop.mercy.post(format!("{stock}/adjustments"), broken).await.accepted();

    let level = shop.mercy.get(&stock).after(&broken).await;
    assert_eq!((&level["on_hand"], &level["available"]), (&json!(12), &json!(12)), "{level}");
    let moved = shop.mercy.get(format!("{stock}/movements")).after(&broken).await;
    assert_eq!(movements(&moved), [("adjusted", -3), ("received", 5), ("received", 10)]);
    assert_eq!(moved["items"][0]["reason"], "broken", "{moved}");
    assert_eq!(moved["items"][0]["on_hand"], 12, "{moved}");
}

#[tokio::test]
async fn stock_never_goes_below_nothing() {
    let shop = Shop::with(3).await;
    let adjustments = format!("stock/{}/adjustments", shop.product);

    let problem = shop.mercy.post(&adjustments, json!({ "quantity": -4 })).await;
    let problem = problem.refused(409, "stock-not-available");

    assert_eq!(problem["available"], 3, "{problem}");
    let nothing = shop.mercy.post(&adjustments, json!({ "quantity": 0 })).await;
    assert_eq!(nothing.refused(422, "invalid")["errors"][0]["pointer"], "/quantity");
}

#[tokio::test]
async fn what_falls_to_its_reorder_level_is_low() {
    let shop = Shop::with(5).await;
    let stock = format!("stock/{}", shop.product);
    let level = json!({ "quantity": 3 });
    let set = shop.mercy.put(format!("{stock}/reorder-level"), level).await.accepted();
    assert_eq!(shop.mercy.get(&stock).after(set).await["low"], false);

    let gone = json!({ "quantity": -2 });
    let gone = shop.mercy.post(format!("{stock}/adjustments"), gone).await.accepted();

    let level = shop.mercy.get(&stock).after(gone).await;
    assert_eq!((&level["low"], &level["reorder_level"]), (&json!(true), &json!(3)), "{level}");
}

#[tokio::test]
async fn an_order_moves_stock_from_reserved_to_gone() {
    let shop = Shop::with(5).await;
    let ada = shop.system.ada().await;
    let order = ada.orders(shop.product, 2).await;
    ada.settled(&order).await;
    let status = json!({ "status": "SHIPPED" });
    shop.mercy.patch(format!("orders/{}/status", order.id()), status).await.accepted();

    let level = shop.level(shop.product, |level| level["on_hand"] == 3).await;
    assert_eq!((&level["reserved"], &level["available"]), (&json!(0), &json!(3)), "{level}");
    let moved = shop.mercy.get(format!("stock/{}/movements", shop.product)).await;
    assert_eq!(movements(&moved), [("shipped", 2), ("reserved", 2), ("received", 5)]);
    assert_eq!(moved["items"][0]["order"], order.id().to_string(), "{moved}");
}

#[tokio::test]
async fn only_those_who_keep_the_shop_touch_and_trace_its_stock() {
    let shop = Shop::with(1).await;
    let ada = shop.system.ada().await;
    let stock = format!("stock/{}", shop.product);

    ada.post(format!("{stock}/receipts"), json!({ "quantity": 1 })).await.refused(403, "forbidden");
    ada.get(format!("{stock}/movements")).await.refused(403, "forbidden");
    let nothing = format!("stock/{}/receipts", Uuid::now_v7());
    shop.mercy.post(nothing, json!({ "quantity": 1 })).await.refused(404, "product-unknown");
}
