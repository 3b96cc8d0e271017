use chrono::TimeDelta;
use domain::product::{Command, Product, samples};
use domain::samples::{lantern, pounds, uuid};
use serde_json::{Value, json};
use service_kit::clock;

use crate::world::World;

/// A lantern that cost 2.00 until 40 days ago, 1.50 until 20 days ago, then 3.00; now it is 2.50.
async fn priced(world: &World) -> i64 {
    let ago = |days| clock::now() - TimeDelta::days(days);
    let product = lantern();
    let details = Box::new(samples::full_details());
    let add = Command::Add { product, details, price: pounds(200), at: ago(50) };
    let mut last = world.run::<Product>(product, add).await;
    for (minor, days) in [(150, 40), (300, 20), (250, 1)] {
        let reprice = Command::Reprice { product, price: pounds(minor), at: ago(days) };
        last = world.run::<Product>(product, reprice).await;
    }
    last
}

fn minor(page: &Value) -> Vec<i64> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|price| price["minor"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn what_a_product_cost_is_listed_newest_first_with_how_long_it_held() {
    let world = World::start().await;
    let last = priced(&world).await;
    let path = format!("/products/{}/prices", lantern());

    let all = world.get(&path).after(last).ok().await;
    assert_eq!(minor(&all), [250, 300, 150, 200]);
    assert_eq!(
        (&all["items"][0]["until"], &all["items"][0]["currency"]),
        (&json!(null), &json!("GBP"))
    );
    assert_eq!(all["items"][1]["until"], all["items"][0]["since"]);
    let first = world.get(&format!("{path}?limit=3")).ok().await;
    let next = first["next"].as_str().unwrap();
    let rest = world.get(&format!("{path}?limit=3&cursor={next}")).ok().await;
    assert_eq!((minor(&first), minor(&rest)), (vec![250, 300, 150], vec![200]));

    let day = |days| (clock::now() - TimeDelta::days(days)).format("%Y-%m-%dT%H:%M:%SZ");
    let within = |from, until| format!("{path}?from={}&until={}", day(from), day(until));
    assert_eq!(minor(&world.get(&within(30, 10)).ok().await), [300, 150], "what held then");
    assert_eq!(minor(&world.get(&within(90, 60)).ok().await), [0_i64; 0]);
    assert_eq!(world.get(&within(10, 30)).problem().await, (422, "invalid".to_owned()));
    let far = format!("{path}?from=%2B12345-01-01T00:00:00Z");
    assert_eq!(world.get(&far).problem().await, (422, "invalid".to_owned()));
    let unknown = world.get(&format!("/products/{}/prices", uuid(77))).problem().await;
    assert_eq!(unknown, (404, "item-unknown".to_owned()));
}

#[tokio::test]
async fn a_price_that_held_within_thirty_days_is_the_lowest_and_an_older_one_is_not() {
    let world = World::start().await;
    let last = priced(&world).await;
    let page = world.get(&format!("/products/{}", lantern())).after(last).ok().await;
    assert_eq!((&page["price"]["minor"], &page["lowest_30_days"]), (&json!(250), &json!(150)));

    let (product, euros) = (lantern(), "EUR".parse().unwrap());
    let price = domain::Money::new(900, euros).unwrap();
    let reprice = Command::Reprice { product, price, at: clock::now() };
    let last = world.run::<Product>(product, reprice).await;
    let page = world.get(&format!("/products/{product}")).after(last).ok().await;
    assert_eq!(page["lowest_30_days"], json!(900), "no other currency is compared");
}
