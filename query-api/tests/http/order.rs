use domain::Role;
use domain::fulfilment::{Fulfilment, samples};
use domain::order::Order;
use domain::order::samples::{confirm, lines, place};
use domain::samples::{ada, bob, order, product};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn an_order_is_seen_by_its_customer_and_by_those_who_handle_it() {
    let world = World::start().await;
    world.run::<Order>(order(1), place(order(1), lines())).await;
    let last = world.run::<Order>(order(1), confirm()).await;
    let path = format!("/orders/{}", order(1));
    let (adas, bobs) = (world.token(ada(), &[]), world.token(bob(), &[]));
    let page = world.get(&path).bearer(&adas).after(last).ok().await;
    assert_eq!((&page["status"], &page["total"]["minor"]), (&json!("CONFIRMED"), &json!(2034)));
    assert_eq!(page["lines"][0]["quantity"], json!(6));
    let steps: Vec<_> = page["timeline"].as_array().unwrap().iter().map(|s| &s["status"]).collect();
    assert_eq!(steps, [&json!("PENDING"), &json!("CONFIRMED")]);
    let hidden = world.get(&path).bearer(&bobs).problem().await;
    assert_eq!(hidden, (404, "order-unknown".to_owned()));
    let merchandiser = world.token(bob(), &[Role::Merchandiser]);
    world.get(&path).bearer(&merchandiser).ok().await;
}

#[tokio::test]
async fn a_line_of_an_order_shows_what_whoever_asks_gave_the_product() {
    let world = World::start().await;
    world.run::<Order>(order(1), place(order(1), lines())).await;
    let rated = world.rate(ada(), lines()[0].product, 7).await;
    let path = format!("/orders/{}", order(1));
    let page = world.get(&path).bearer(&world.token(ada(), &[])).after(rated).ok().await;
    assert_eq!(page["lines"][0]["my_rating"], json!(7));
    let merchandiser = world.token(bob(), &[Role::Merchandiser]);
    let page = world.get(&path).bearer(&merchandiser).ok().await;
    assert_eq!(page["lines"][0]["my_rating"], json!(null));
}

#[tokio::test]
async fn orders_are_listed_by_customer_and_status() {
    let world = World::start().await;
    for n in 1..=2 {
        world.run::<Order>(order(n), place(order(n), lines())).await;
    }
    let last = world.run::<Order>(order(1), confirm()).await;
    let adas = world.token(ada(), &[]);
    let count = async |path: &str, token: &str| {
        let page = world.get(path).bearer(token).after(last).ok().await;
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(count("/accounts/me/orders", &adas).await, 2);
    assert_eq!(count("/accounts/me/orders?status=CONFIRMED", &adas).await, 1);
    assert_eq!(count(&format!("/orders?customer={}", ada()), &adas).await, 2);
    assert_eq!(world.get("/orders").bearer(&adas).problem().await.0, 403);
    let operator = world.token(bob(), &[Role::Operator]);
    assert_eq!(count("/orders?status=PENDING", &operator).await, 1);
    assert_eq!(count(&format!("/orders?customer={}", bob()), &operator).await, 0);
}

#[tokio::test]
async fn the_page_of_an_order_tells_of_its_payment() {
    let world = World::start().await;
    world.run::<Order>(order(1), place(order(1), lines())).await;
    for step in [samples::start(1), samples::record(vec![product(1)], vec![])] {
        world.run::<Fulfilment>(order(1), step).await;
    }
    world.run::<Fulfilment>(order(1), samples::request()).await;
    world.run::<Fulfilment>(order(1), samples::took()).await;
    let last = world.run::<Order>(order(1), confirm()).await;
    let adas = world.token(ada(), &[]);
    let page = world.get(&format!("/orders/{}", order(1))).bearer(&adas).after(last).ok().await;
    let told = |step: usize| {
        let step = &page["timeline"][step];
        (step["status"].clone(), step["payment"].clone(), step["detail"].clone())
    };
    let null = || json!(null);
    assert_eq!(told(0), (json!("PENDING"), null(), null()));
    assert_eq!(told(1), (json!("PENDING"), json!("REQUESTED"), null()));
    assert_eq!(told(2), (json!("PENDING"), json!("TAKEN"), json!("pay-1")));
    assert_eq!(told(3), (json!("CONFIRMED"), null(), null()));
}
