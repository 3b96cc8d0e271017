use domain::cart::Cart;
use domain::cart::samples::{clear, put};
use domain::product::{self, Product};
use domain::samples::{ada, bob, lantern, pounds, product};
use domain::stock::{self, Stock};
use serde_json::{Value, json};

use crate::world::World;

fn pence(minor: i64) -> Value {
    json!({ "minor": minor, "currency": "GBP" })
}

async fn add(world: &World, number: u128, name: &str, minor: i64) {
    let details = product::samples::details(&format!("{number}"), name);
    let id = product(number);
    world.run::<Product>(id, product::samples::add(id, details, pounds(minor))).await;
}

#[tokio::test]
async fn my_cart_shows_todays_prices_and_what_is_wrong_with_it() {
    let world = World::start().await;
    add(&world, 1, "Lantern", 339).await;
    add(&world, 2, "Mug", 500).await;
    add(&world, 3, "Clock", 1_000).await;
    world.run::<Stock>(lantern(), stock::samples::receive(10)).await;
    for (number, count) in [(1, 4), (2, 3), (3, 1)] {
        world.run::<Cart>(ada(), put(product(number), count)).await;
    }
    world.rate(ada(), lantern(), 9).await;
    let reprice = product::samples::reprice(lantern(), pounds(395));
    world.run::<Product>(lantern(), reprice).await;
    let last = world.run::<Product>(product(3), product::samples::discontinue(product(3))).await;

    let adas = world.token(ada(), &[]);
    let answer = world.get("/cart").bearer(&adas).after(last).answer().await;
    assert!(answer.header("etag").starts_with("\"3."), "If-Match of a command knows it");
    let cart = answer.body;
    let names: Vec<&Value> =
        cart["lines"].as_array().unwrap().iter().map(|line| &line["name"]).collect();
    assert_eq!(names, ["Lantern", "Mug", "Clock"], "{cart}");
    let lamp = &cart["lines"][0];
    assert_eq!((&lamp["quantity"], &lamp["price"]), (&json!(4), &pence(395)), "{cart}");
    assert_eq!(lamp["total"], pence(4 * 395), "{cart}");
    assert_eq!((&lamp["my_rating"], &cart["lines"][1]["my_rating"]), (&json!(9), &Value::Null));
    assert_eq!(cart["lines"][2]["price"], Value::Null, "{cart}");
    assert_eq!(cart["totals"], json!([pence(4 * 395 + 3 * 500)]), "{cart}");
    let problems = json!([
        { "code": "repriced", "product_id": lantern(), "from": pence(339), "to": pence(395) },
        { "code": "short", "product_id": product(2), "wanted": 3, "available": 0 },
        { "code": "gone", "product_id": product(3) },
    ]);
    assert_eq!(cart["problems"], problems);
}

#[tokio::test]
async fn a_cart_is_its_customers_alone_and_may_be_empty() {
    let world = World::start().await;
    add(&world, 1, "Lantern", 339).await;
    let last = world.run::<Cart>(ada(), put(lantern(), 1)).await;
    let (adas, bobs) = (world.token(ada(), &[]), world.token(bob(), &[]));
    let nothing = json!({ "lines": [], "totals": [], "problems": [], "changed_at": null });
    assert_eq!(world.get("/cart").bearer(&bobs).after(last).ok().await, nothing);
    assert_eq!(world.get("/cart").problem().await, (401, "token-required".to_owned()));

    let last = world.run::<Cart>(ada(), clear()).await;
    let answer = world.get("/cart").bearer(&adas).after(last).answer().await;
    assert_eq!(answer.body["lines"], json!([]));
    assert!(answer.header("etag").starts_with("\"2."), "{answer:?}");
}
