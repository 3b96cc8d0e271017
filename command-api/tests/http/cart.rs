use std::collections::BTreeSet;
use std::fmt::Display;

use domain::cart::{Cart, PRODUCTS_MAX};
use domain::order::{Order, Status};
use domain::product::{self as products, Product};
use domain::samples::{pounds, product as numbered};
use domain::{OrderId, Role};
use futures::future::join_all;
use serde_json::json;
use uuid::Uuid;

use crate::product;
use crate::world::{Answer, Person, World};

fn item(product: impl Display) -> String {
    format!("/cart/items/{product}")
}

async fn put(world: &World, who: &Person, product: impl Display, quantity: u32) -> Answer {
    let body = json!({ "quantity": quantity });
    world.put(&item(product)).bearer(&who.token).json(body).await
}

async fn check_out(world: &World, who: &Person) -> Answer {
    world.post("/cart/checkout").bearer(&who.token).bare().await
}

/// Products as there are many, without asking over HTTP for each.
async fn many(world: &World, count: usize) {
    let add = |number: u128| {
        let (id, context) = (numbered(number), world.system());
        let details = products::samples::details(&format!("P{number}"), "Lamp");
        let add = products::samples::add(id, details, pounds(1));
        async move { world.log.execute::<Product>(id, add, &context).await.unwrap() }
    };
    join_all((0..count as u128).map(add)).await;
}

async fn order(world: &World, placed: &Answer) -> Order {
    assert_eq!(placed.status, 201, "{}", placed.text);
    let id: OrderId = placed.body["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(placed.header("location"), format!("/api/v1/orders/{id}"));
    world.log.load::<Order>(id).await.unwrap().state
}

#[tokio::test]
async fn a_cart_becomes_an_order_at_the_prices_of_the_moment() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let ada = world.person("ada").await;
    let lantern = product::add(&world, &mo, "71053", 339).await;
    let mug = product::add(&world, &mo, "22423", 1_275).await;
    put(&world, &ada, &lantern, 2).await.done();
    put(&world, &ada, &mug, 1).await.done();
    let same = put(&world, &ada, &mug, 1).await.done();
    assert_eq!(same.body["unchanged"], true);
    put(&world, &ada, &lantern, 6).await.done();
    let dearer = json!({"price": {"minor": 400, "currency": "GBP"}});
    world.patch(&format!("/products/{lantern}")).bearer(&mo.token).json(dearer).await.done();

    let placed = check_out(&world, &ada).await;

    let order = order(&world, &placed).await;
    assert_eq!(order.total().unwrap().minor(), 6 * 400 + 1_275);
    assert_eq!((order.customer(), order.status()), (Some(ada.id), Some(Status::Pending)));
    assert_eq!(placed.body["stream"]["type"], "order");
    assert_eq!((&placed.body["sequence"], placed.header("etag")), (&json!(1), "\"1\""));
    assert!(world.log.load::<Cart>(ada.id).await.unwrap().state.lines().is_empty());
    let commits: Vec<i64> = sqlx::query_scalar(
        "select last_position - first_position + 1 from eventstore.commits
          order by last_position desc limit 1",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(commits, [2], "the order and the cart are in one commit");
    assert_eq!(check_out(&world, &ada).await.problem(), (409, "cart-empty"));
}

#[tokio::test]
async fn a_repeated_checkout_is_one_order() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let lantern = product::add(&world, &mo, "71053", 339).await;
    put(&world, &mo, &lantern, 2).await.done();
    let once = async || {
        let ask = world.post("/cart/checkout").bearer(&mo.token).key("basket-1");
        ask.with("if-match", "\"1\"").bare().await
    };
    let first = once().await.done();
    put(&world, &mo, &lantern, 1).await.done();
    let again = once().await.done();
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.header("location"), first.header("location"));
    let other = world.neighbour().await;
    let elsewhere = other.post("/cart/checkout").bearer(&mo.token).key("basket-1");
    assert_eq!(elsewhere.with("if-match", "\"1\"").bare().await.done().body, first.body);
}

#[tokio::test]
async fn what_is_wrong_with_a_cart_is_said() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let ada = world.person("ada").await;
    let lantern = product::add(&world, &mo, "71053", 339).await;
    let gone = product::add(&world, &mo, "22423", 1_275).await;
    put(&world, &ada, &gone, 1).await.done();
    world.delete(&format!("/products/{gone}")).bearer(&mo.token).bare().await.done();
    for quantity in [json!(0), json!(1_000), json!(-1), json!("2"), json!(0.5), json!(null)] {
        let body = json!({ "quantity": quantity });
        let answer = world.put(&item(&lantern)).bearer(&ada.token).json(body).await;
        assert_eq!((answer.problem(), answer.pointer()), ((422, "invalid"), "/quantity"));
    }
    assert_eq!(put(&world, &ada, Uuid::now_v7(), 1).await.problem(), (404, "product-unknown"));
    assert_eq!(put(&world, &ada, &gone, 2).await.problem(), (409, "product-discontinued"));
    let blocked = check_out(&world, &ada).await;
    assert_eq!(blocked.problem(), (409, "product-discontinued"));
    assert_eq!(blocked.body["product_id"], gone.as_str());
    world.delete(&item(&gone)).bearer(&ada.token).bare().await.done();
    assert_eq!(check_out(&world, &ada).await.problem(), (409, "cart-empty"));
    assert_eq!(world.post("/cart/checkout").bare().await.problem(), (401, "token-required"));
    assert_eq!(world.delete("/cart").bare().await.problem(), (401, "token-required"));

    let mut dear = json!({"sku": "1", "name": "Palace", "price": {"currency": "GBP"}});
    dear["price"]["minor"] = json!(1_000_000_000_000_000_i64);
    let palace = world.post("/products").bearer(&mo.token).json(dear.clone()).await.done();
    put(&world, &ada, palace.body["id"].as_str().unwrap(), 2).await.done();
    assert_eq!(check_out(&world, &ada).await.problem(), (409, "total-too-large"));
    dear["sku"] = json!("2");
    dear["price"] = json!({"minor": 1, "currency": "EUR"});
    let euros = world.post("/products").bearer(&mo.token).json(dear).await.done();
    world.delete("/cart").bearer(&ada.token).bare().await.done();
    put(&world, &ada, euros.body["id"].as_str().unwrap(), 1).await.done();
    put(&world, &ada, &lantern, 1).await.done();
    assert_eq!(check_out(&world, &ada).await.problem(), (409, "mixed-currencies"));
}

#[tokio::test]
async fn a_cart_that_changed_is_not_checked_out_by_who_saw_it_before() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let lantern = product::add(&world, &mo, "71053", 339).await;
    let seen = put(&world, &mo, &lantern, 1).await.done();
    put(&world, &mo, &lantern, 2).await.done();
    let ask = world.post("/cart/checkout").bearer(&mo.token);
    let stale = ask.with("if-match", seen.header("etag")).bare().await;
    assert_eq!(stale.problem(), (412, "precondition-failed"));
    assert_eq!(stale.body["current"], 2);
    let ask = world.post("/cart/checkout").bearer(&mo.token);
    let placed = ask.with("if-match", "\"2\"").bare().await;
    assert_eq!(order(&world, &placed).await.lines()[0].quantity.get(), 2);
}

#[tokio::test]
async fn a_full_cart_takes_no_other_product_and_is_ordered_whole() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    many(&world, PRODUCTS_MAX + 1).await;
    let fill = (0..PRODUCTS_MAX as u128).map(|number| put(&world, &ada, numbered(number), 999));
    for answer in join_all(fill).await {
        answer.done();
    }
    let other = put(&world, &ada, numbered(PRODUCTS_MAX as u128), 1).await;
    assert_eq!(other.problem(), (409, "cart-full"));
    put(&world, &ada, numbered(0), 1).await.done();

    let order = order(&world, &check_out(&world, &ada).await).await;
    assert_eq!(order.lines().len(), PRODUCTS_MAX);
    assert_eq!(order.total().unwrap().minor(), 999 * (PRODUCTS_MAX as i64 - 1) + 1);
}

/// Two processes, one customer: whatever comes first, a line is ordered or still in the cart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkout_among_changes_loses_nothing_and_orders_nothing_twice() {
    let world = World::start().await;
    let worlds = [world.neighbour().await, world];
    let ada = worlds[0].person("ada").await;
    many(&worlds[0], 24).await;
    for number in 0..4 {
        put(&worlds[0], &ada, numbered(number), 1).await.done();
    }
    let put =
        |number: u128| put(&worlds[number as usize % 2], &ada, numbered(number), number as u32);
    let [before, after] = [4..14, 14..24].map(|numbers| join_all(numbers.map(put)));
    let checkouts = async {
        let [one, two] = [check_out(&worlds[0], &ada), check_out(&worlds[1], &ada)];
        tokio::join!(one, two)
    };
    let (before, (one, two), after) = tokio::join!(before, checkouts, after);

    for answer in before.into_iter().chain(after) {
        answer.done();
    }
    let mut seen = Vec::new();
    for placed in [one, two] {
        if placed.status != 201 {
            assert_eq!(placed.problem(), (409, "cart-empty"));
            continue;
        }
        let order = order(&worlds[0], &placed).await;
        let lines = order.lines().iter();
        seen.extend(lines.map(|line| (line.product, line.quantity.get())));
    }
    let cart = worlds[0].neighbour().await.log.load::<Cart>(ada.id).await.unwrap().state;
    seen.extend(cart.lines().iter().map(|line| (line.product, line.quantity.into())));
    let expected: BTreeSet<_> =
        (0..24_u128).map(|n| (numbered(n), if n < 4 { 1 } else { n as u32 })).collect();
    assert_eq!(seen.len(), 24, "nothing is twice");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected, "nothing is lost");
}
