use std::collections::BTreeSet;

use command_api::order::{self, OrderNumbers};
use domain::order::{Order, OrderNumber, Status};
use domain::{OrderId, Role};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::product;
use crate::world::World;

fn items(lines: &[(&str, u32)]) -> Value {
    let item =
        |(product, quantity): &(&str, u32)| json!({"product_id": product, "quantity": quantity});
    json!({"items": lines.iter().map(item).collect::<Vec<_>>()})
}

#[tokio::test]
async fn a_customer_places_an_order_at_the_prices_of_the_moment() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let ada = world.person("ada").await;
    let lantern = product::add(&world, &mo, "71053", 339).await;
    let mug = product::add(&world, &mo, "22423", 1_275).await;
    let body = items(&[(&lantern, 6), (&mug, 1)]);
    let placed = world.post("/orders").bearer(&ada.token).json(body).await;
    assert_eq!(placed.status, 201, "{}", placed.text);
    let id: OrderId = placed.body["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(placed.header("location"), format!("/api/v1/orders/{id}"));

    let dearer = json!({"price": {"minor": 999, "currency": "GBP"}});
    world.patch(&format!("/products/{lantern}")).bearer(&mo.token).json(dearer).await.done();
    let order = world.log.load::<Order>(id).await.unwrap().state;
    assert_eq!(order.total().unwrap().minor(), 6 * 339 + 1_275);
    assert_eq!((order.customer(), order.status()), (Some(ada.id), Some(Status::Pending)));
}

#[tokio::test]
async fn what_is_wrong_with_an_order_is_pointed_at() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let ada = world.person("ada").await;
    let lantern = product::add(&world, &mo, "71053", 339).await;
    let gone = product::add(&world, &mo, "22423", 1_275).await;
    world.delete(&format!("/products/{gone}")).bearer(&mo.token).bare().await.done();
    let unknown = Uuid::now_v7().to_string();
    let many: Vec<(&str, u32)> = vec![(&lantern, 1); 2_001];
    let cases = [
        (items(&[]), (422, "invalid"), "/items"),
        (items(&many), (422, "invalid"), "/items"),
        (items(&[(&lantern, 0)]), (422, "invalid"), "/items/0/quantity"),
        (items(&[(&lantern, 1), (&unknown, 1)]), (404, "product-unknown"), "/items/1/product_id"),
        (items(&[(&gone, 1)]), (409, "product-discontinued"), "/items/0/product_id"),
        (
            json!({"items": [{"product_id": lantern, "quantity": 1, "price": 1}]}),
            (422, "invalid"),
            "/items/0/price",
        ),
    ];
    for (body, problem, pointer) in cases {
        let answer = world.post("/orders").bearer(&ada.token).json(body).await;
        assert_eq!((answer.problem(), answer.pointer()), (problem, pointer));
    }
    assert_eq!(world.post("/orders").json(items(&[(&lantern, 1)])).await.problem().0, 401);
}

#[tokio::test]
async fn an_order_goes_its_way_and_no_step_is_skipped() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let (ada, bob) = (world.person("ada").await, world.person("bob").await);
    let lantern = product::add(&world, &mo, "71053", 339).await;
    let body = items(&[(&lantern, 1)]);
    let placed = world.post("/orders").bearer(&ada.token).json(body).await.done();
    let id: OrderId = placed.body["id"].as_str().unwrap().parse().unwrap();
    let path = format!("/orders/{id}");
    let to = async |status: &str| {
        let body = json!({"status": status});
        world.patch(&format!("{path}/status")).bearer(&mo.token).json(body).await
    };
    let early = to("SHIPPED").await;
    assert_eq!(early.problem(), (409, "order-status"));
    assert_eq!(early.body["order_status"], "PENDING");
    assert_eq!(to("CONFIRMED").await.problem(), (422, "invalid"));

    order::confirm(&world.log, &world.system(), id).await.unwrap();
    assert_eq!(world.delete(&path).bearer(&bob.token).bare().await.problem().0, 403);
    let own = json!({"status": "SHIPPED"});
    let own = world.patch(&format!("{path}/status")).bearer(&ada.token).json(own).await;
    assert_eq!(own.problem(), (403, "forbidden"));
    to("SHIPPED").await.done();
    assert_eq!(
        world.delete(&path).bearer(&ada.token).bare().await.problem(),
        (409, "order-status")
    );
    to("DELIVERED").await.done();

    let body = items(&[(&lantern, 1)]);
    let other = world.post("/orders").bearer(&ada.token).json(body).await.done();
    let path = format!("/orders/{}", other.body["id"].as_str().unwrap());
    world.delete(&path).bearer(&ada.token).bare().await.done();
    let again = world.delete(&path).bearer(&ada.token).bare().await.done();
    assert_eq!(again.body["unchanged"], true);
}

#[tokio::test]
async fn a_repeated_order_is_placed_once() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let lantern = product::add(&world, &mo, "71053", 339).await;
    let place = async || {
        world.post("/orders").bearer(&mo.token).key("basket-1").json(items(&[(&lantern, 1)])).await
    };
    let (first, again) = (place().await.done(), place().await.done());
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotency-replayed"), "true");

    // Even when the product has gone meanwhile, the answer stands.
    world.delete(&format!("/products/{lantern}")).bearer(&mo.token).bare().await.done();
    assert_eq!(place().await.done().body, first.body);
}

#[tokio::test]
async fn an_order_of_2000_lines_is_placed() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let lantern = product::add(&world, &mo, "71053", 339).await;
    let lines: Vec<(&str, u32)> = vec![(&lantern, 3); 2_000];
    let placed = world.post("/orders").bearer(&mo.token).json(items(&lines)).await.done();
    let id = placed.body["id"].as_str().unwrap();
    let order = world.log.load::<Order>(id).await.unwrap().state;
    assert_eq!((order.lines().len(), order.total().unwrap().minor()), (2_000, 6_000 * 339));
}

#[tokio::test]
async fn no_two_orders_of_a_day_have_the_same_number() {
    let world = World::start().await;
    let day = service_kit::clock::now().date_naive();
    let offices = [OrderNumbers::new(world.pool.clone()), OrderNumbers::new(world.pool.clone())];
    let numbers = (0..250).map(|turn| offices[turn % 2].next(day));
    let numbers = futures::future::try_join_all(numbers).await.unwrap();
    let different: BTreeSet<OrderNumber> = numbers.iter().copied().collect();
    assert_eq!(different.len(), 250);
    assert_eq!(different.first(), Some(&OrderNumber::new(day, 1).unwrap()));

    sqlx::query("update eventstore.order_numbers set taken = 999999")
        .execute(&world.pool)
        .await
        .unwrap();
    let late = OrderNumbers::new(world.pool.clone()).next(day).await.unwrap_err();
    assert_eq!(late.code(), "order-numbers-exhausted");
}

/// How many numbers of the day are taken, in blocks.
async fn taken(world: &World) -> i32 {
    let taken = "select coalesce(sum(taken), 0)::int from eventstore.order_numbers";
    sqlx::query_scalar(taken).fetch_one(&world.pool).await.unwrap()
}

#[tokio::test]
async fn what_places_no_order_uses_up_no_number() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let ada = world.person("ada").await;
    let lantern = product::add(&world, &mo, "71053", 339).await;
    let place = async |key: &str, body: Value| {
        world.post("/orders").bearer(&ada.token).key(key).json(body).await
    };
    let first = place("first", items(&[(&lantern, 1)])).await.done();
    let unknown = Uuid::now_v7().to_string();
    for turn in 0..60 {
        let empty = place(&format!("empty-{turn}"), items(&[])).await;
        assert_eq!(empty.problem(), (422, "invalid"));
        let gone = place(&format!("gone-{turn}"), items(&[(&unknown, 1)])).await;
        assert_eq!(gone.problem(), (404, "product-unknown"));
        let cart = world.post("/cart/checkout").bearer(&ada.token).bare().await;
        assert_eq!(cart.problem(), (409, "cart-empty"));
        let again = place("first", items(&[(&lantern, 1)])).await.done();
        assert_eq!(again.body, first.body);
    }
    let second = place("second", items(&[(&lantern, 1)])).await.done();
    assert_eq!(taken(&world).await, 100, "one block is enough for two orders");
    let mut numbers = BTreeSet::<String>::new();
    for placed in [first, second] {
        let order = placed.body["id"].as_str().unwrap();
        let number = "select payload->>'number' from eventstore.events
                      where aggregate_type = 'order' and aggregate_id = $1 and sequence = 1";
        let number = sqlx::query_scalar(number).bind(order).fetch_one(&world.pool);
        numbers.insert(number.await.unwrap_or_else(|error| panic!("{error}")));
    }
    let numbers: Vec<String> = numbers.into_iter().collect();
    assert!(numbers[0].ends_with("-000001") && numbers[1].ends_with("-000002"), "{numbers:?}");
}
