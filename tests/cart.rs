use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Answer, Client, Listening, Receipt, Shop, System};

fn pence(minor: i64) -> Value {
    json!({ "minor": minor, "currency": "GBP" })
}

async fn put(who: &Client, product: Uuid, quantity: u32) -> Receipt {
    let item = format!("cart/items/{product}");
    who.put(item, json!({ "quantity": quantity })).await.accepted()
}

/// Product and quantity of each line of a cart or an order.
fn lines(page: &Answer) -> BTreeMap<String, i64> {
    let line = |line: &Value| {
        let product = line["product_id"].as_str().unwrap().to_owned();
        (product, line["quantity"].as_i64().unwrap())
    };
    page["lines"].as_array().unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn a_cart_is_filled_and_changed_and_emptied() {
    let shop = Shop::with(5).await;
    let ada = shop.system.ada().await;
    let lamp = shop.stocked(&pence(500), 9).await;
    put(&ada, shop.product, 2).await;
    put(&ada, lamp, 1).await;
    let changed = put(&ada, shop.product, 3).await;
    let again = put(&ada, shop.product, 3).await;
    assert_eq!(again.body["unchanged"], true, "{}", again.body);

    let cart = ada.get("cart").after(&changed).await;
    let expected = [(shop.product.to_string(), 3), (lamp.to_string(), 1)];
    assert_eq!(lines(&cart), BTreeMap::from(expected), "{cart}");
    assert_eq!(cart["lines"][0]["total"], pence(3 * 1999), "{cart}");
    assert_eq!(cart["totals"], json!([pence(3 * 1999 + 500)]), "{cart}");
    assert_eq!(cart["problems"], json!([]), "{cart}");
    let bob = shop.system.bob().await;
    assert_eq!(bob.get("cart").after(&changed).await["lines"], json!([]), "it is Ada's alone");

    ada.delete(format!("cart/items/{lamp}")).await.accepted();
    let cleared = ada.delete("cart").await.accepted();
    assert_eq!(ada.get("cart").after(&cleared).await["lines"], json!([]));
    let nothing = ada.delete("cart").await.accepted();
    assert_eq!(nothing.body["unchanged"], true, "{}", nothing.body);
}

#[tokio::test]
async fn a_cart_says_what_has_changed_since_it_was_filled() {
    let shop = Shop::with(5).await;
    let ada = shop.system.ada().await;
    let (scarce, gone) = (shop.stocked(&pence(500), 1).await, shop.stocked(&pence(1), 1).await);
    for (product, quantity) in [(shop.product, 1), (scarce, 2), (gone, 1)] {
        put(&ada, product, quantity).await;
    }
    let price = json!({ "price": pence(2500) });
    shop.mercy.patch(format!("products/{}", shop.product), price).await.accepted();
    let last = shop.mercy.delete(format!("products/{gone}")).await.accepted();

    let cart = ada.get("cart").after(last).await;

    let problems = json!([
        { "code": "repriced", "product_id": shop.product, "from": pence(1999), "to": pence(2500) },
        { "code": "short", "product_id": scarce, "wanted": 2, "available": 1 },
        { "code": "gone", "product_id": gone },
    ]);
    assert_eq!(cart["problems"], problems, "{cart}");
    assert_eq!(cart["totals"], json!([pence(2500 + 2 * 500)]), "{cart}");
    ada.post("cart/checkout", json!({})).await.refused(409, "product-discontinued");
}

#[tokio::test]
async fn a_checked_out_cart_is_confirmed_with_stock_reserved_for_it() {
    let shop = Shop::with(5).await;
    let ada = shop.system.ada().await;
    put(&ada, shop.product, 2).await;

    let key = Uuid::now_v7();
    let send = || ada.post("cart/checkout", json!({})).header("idempotency-key", key);
    let placed = send().await;
    assert_eq!(placed.status.as_u16(), 201, "{placed}");
    let order = placed.clone().accepted();
    assert_eq!(placed.header("location"), format!("/api/v1/orders/{}", order.id()));
    let page = ada.settled(&order).await;

    assert_eq!(page["status"], "CONFIRMED", "{page}");
    assert_eq!(page["total"], pence(3998), "{page}");
    assert!(page["number"].as_str().unwrap().starts_with("ORD-"), "{page}");
    let stock = shop.level(shop.product, |stock| stock["reserved"] == 2).await;
    assert_eq!((&stock["on_hand"], &stock["available"]), (&json!(5), &json!(3)), "{stock}");
    assert_eq!(ada.get("cart").after(&order).await["lines"], json!([]));
    let again = send().await;
    assert_eq!(again.header("idempotency-replayed"), "true", "{again}");
    assert_eq!(again.accepted().id(), order.id(), "a repeated request is the same order");
    ada.post("cart/checkout", json!({})).await.refused(409, "cart-empty");
    let mine = ada.get("accounts/me/orders").after(&order).await;
    assert_eq!(mine["items"].as_array().unwrap().len(), 1, "{mine}");
}

/// A shop with so many products.
async fn with_products(count: usize) -> (Shop, Vec<Uuid>) {
    let shop = Shop::of(System::start().await, 1).await;
    let price = pence(100);
    let products = join_all((0..count).map(|_| shop.stocked(&price, 0))).await;
    (shop, products)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_changes_at_once_all_arrive() {
    let (shop, products) = with_products(100).await;
    let ada = shop.system.ada().await;
    let puts = products.iter().zip(1..).map(|(product, quantity)| put(&ada, *product, quantity));

    let last = join_all(puts).await.into_iter().max_by_key(|receipt| receipt.position).unwrap();

    let cart = ada.get("cart").after(&last).await;
    let wanted =
        products.iter().zip(1..).map(|(product, quantity)| (product.to_string(), quantity));
    assert_eq!(lines(&cart), wanted.collect(), "{cart}");
    assert!(cart.header("etag").starts_with("\"100."), "each is one event: {cart}");
}

/// Whatever comes first: a line is in the order or still in the cart, never both, never neither.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkout_among_twenty_changes_loses_nothing() {
    let (shop, products) = with_products(21).await;
    let ada = shop.system.ada().await;
    put(&ada, products[20], 99).await;
    let [before, after] = [&products[..10], &products[10..20]].map(<[Uuid]>::to_vec);
    let puts = |some: Vec<Uuid>| join_all(some.into_iter().map(|product| put(&ada, product, 1)));
    let checkout = async { ada.post("cart/checkout", json!({})).await.accepted() };

    let (before, order, after) = tokio::join!(puts(before), checkout, puts(after));

    let receipts = before.into_iter().chain(after).chain([order.clone()]);
    let last = receipts.max_by_key(|receipt| receipt.position).unwrap();
    let cart = lines(&ada.get("cart").after(&last).await);
    let ordered = lines(&ada.get(format!("orders/{}", order.id())).after(&last).await);
    let twice: Vec<&String> =
        cart.keys().filter(|product| ordered.contains_key(*product)).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let mut all = cart;
    all.extend(ordered);
    let wanted =
        |product: &Uuid| (product.to_string(), if *product == products[20] { 99 } else { 1 });
    assert_eq!(all, products.iter().map(wanted).collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_checkouts_at_once_make_one_order() {
    let (shop, products) = with_products(3).await;
    let ada = shop.system.ada().await;
    for product in &products {
        put(&ada, *product, 1).await;
    }
    let checkouts = (0..4).map(|_| async { ada.post("cart/checkout", json!({})).await });

    let answers = join_all(checkouts).await;

    let (placed, refused): (Vec<Answer>, Vec<Answer>) =
        answers.into_iter().partition(|answer| answer.status.is_success());
    assert_eq!((placed.len(), refused.len()), (1, 3));
    for answer in refused {
        answer.refused(409, "cart-empty");
    }
    let order = placed[0].clone().accepted();
    let mine = ada.get("accounts/me/orders").after(&order).await;
    assert_eq!(mine["items"].as_array().unwrap().len(), 1, "{mine}");
    let page = ada.get(format!("orders/{}", order.id())).after(&order).await;
    assert_eq!(lines(&page).len(), 3, "{page}");
}

#[tokio::test]
async fn a_customer_hears_of_the_own_cart_and_an_auditor_sees_it_as_it_was() {
    let shop = Shop::with(5).await;
    let (ada, bob) = (shop.system.ada().await, shop.system.bob().await);
    let mut hers = Listening::to(ada.get("live?topics=cart")).await;
    let mut his = Listening::to(bob.get("live?topics=cart")).await;
    assert_eq!((hers.next().await.event, his.next().await.event), ("open".into(), "open".into()));

    let added = put(&ada, shop.product, 1).await;
    let changed = put(&ada, shop.product, 4).await;
    let own = put(&bob, shop.product, 1).await;

    assert_eq!([hers.next().await.id, hers.next().await.id], [added.position, changed.position]);
    assert_eq!(his.next().await.id, own.position, "the first he hears is his own");
    let auditor = shop.system.auditor().await;
    let state = format!("audit/streams/cart/{}/state", ada.id);
    let then = auditor.get(format!("{state}?sequence=1")).await.ok();
    let now = auditor.get(state).await.ok();
    let quantity = |state: &Answer| state["state"]["lines"][0]["quantity"].clone();
    assert_eq!((quantity(&then), quantity(&now)), (json!(1), json!(4)));
}
