use domain::Role;
use domain::order::Order;
use domain::order::samples::{confirm, lines, place};
use domain::product::{self, Product};
use domain::samples::{ada, at, bob, lantern, order, pounds, quantity, text, uuid};
use domain::stock::{self, Stock};
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn a_series_has_no_gaps() {
    let world = World::start().await;
    let last = world.register(ada(), "Ada").await;
    let analyst = world.token(bob(), &[Role::Analyst]);
    let path = "/analytics/registrations?from=2026-02-27&to=2026-03-02";
    let series = world.get(path).bearer(&analyst).after(last).ok().await;
    let numbers: Vec<_> =
        series["buckets"].as_array().unwrap().iter().map(|b| &b["registrations"]).collect();
    assert_eq!(numbers, [&json!(0), &json!(0), &json!(1), &json!(0)]);
    let months = "/analytics/registrations?from=2026-02-27&to=2026-03-31&by=month";
    let months = world.get(months).bearer(&analyst).ok().await;
    let partial: Vec<_> =
        months["buckets"].as_array().unwrap().iter().map(|b| &b["partial"]).collect();
    assert_eq!(partial, [&json!(true), &json!(false)]);
    let csv = world.get(path).bearer(&analyst).with("accept", "text/csv").answer().await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert!(csv.text.starts_with("start,partial,registrations\r\n2026-02-27,false,0\r\n"));
    let member = world.token(ada(), &[]);
    assert_eq!(world.get(path).bearer(&member).problem().await, (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn revenue_is_what_was_confirmed() {
    let world = World::start().await;
    for n in 1..=2 {
        world.run::<Order>(order(n), place(order(n), lines())).await;
    }
    let last = world.run::<Order>(order(1), confirm()).await;
    let analyst = world.token(bob(), &[Role::Analyst]);
    let days = "from=2026-03-01&to=2026-03-01";
    let ask = world.get(&format!("/analytics/revenue?{days}")).bearer(&analyst).after(last);
    let sold = ask.ok().await;
    assert_eq!(sold["buckets"][0]["minor"], json!(2034));
    assert_eq!((&sold["buckets"][0]["orders"], &sold["tz"]), (&json!(1), &json!("UTC")));
    let orders = world.get(&format!("/analytics/orders?{days}")).bearer(&analyst).ok().await;
    assert_eq!(orders["buckets"][0]["orders_placed"], json!(2));
    let activity = world.get(&format!("/analytics/activity?{days}")).bearer(&analyst).ok().await;
    assert_eq!(activity["buckets"][0]["active_people"], json!(1));
    let enrolled = world.get(&format!("/analytics/enrollments?{days}")).bearer(&analyst).ok().await;
    assert_eq!(enrolled["buckets"][0]["completions"], json!(0));
    let summary = world.get(&format!("/analytics/summary?{days}")).bearer(&analyst);
    let summary = summary.after(last).ok().await;
    assert_eq!(summary["in_range"]["orders_placed"], json!(2));
    assert_eq!(summary["orders_by_status"], json!({"CONFIRMED": 1, "PENDING": 1}));
    assert_eq!(summary["revenue"], json!([{"currency": "GBP", "orders": 1, "minor": 2034}]));
    let sold = world.get(&format!("/analytics/products?{days}")).bearer(&analyst).after(last);
    assert_eq!(sold.ok().await["items"], json!([]), "nobody has described these products");
    let csv = world.get(&format!("/analytics/summary?{days}&format=csv")).bearer(&analyst);
    assert!(csv.answer().await.text.contains("revenue_minor,GBP,2034\r\n"));
}

#[tokio::test]
async fn what_sells_best_is_told_by_units_and_by_revenue() {
    let world = World::start().await;
    let analyst = world.token(bob(), &[Role::Analyst]);
    let mut last = 0;
    for (number, name, minor, pieces) in
        [(1, "Lantern", 100, 9), (2, "Chair, red", 5_000, 2), (3, "=Vase", 300, 5)]
    {
        let (product, id) = (domain::samples::product(number), order(number));
        let details = product::samples::details(&format!("SKU{number}"), name);
        let add = product::samples::add(product, details, pounds(minor));
        world.run::<Product>(product, add).await;
        let line = domain::order::Line {
            product,
            sku: text(&format!("SKU{number}")),
            name: text(name),
            quantity: quantity(pieces),
            unit_price: pounds(minor),
        };
        world.run::<Order>(id, place(id, vec![line])).await;
        let confirm = domain::order::Command::Confirm { order: id, at: at(1) };
        last = world.run::<Order>(id, confirm).await;
    }
    let days = "from=2026-03-01&to=2026-03-01";
    let names = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    for (sort, expected) in [
        ("units", ["Lantern", "=Vase", "Chair, red"]),
        ("revenue", ["Chair, red", "=Vase", "Lantern"]),
    ] {
        let path = format!("/analytics/products?{days}&sort={sort}&currency=GBP");
        let all = world.get(&path).bearer(&analyst).after(last).ok().await;
        assert_eq!(names(&all), expected, "{sort}");
        let first = world.get(&format!("{path}&limit=2")).bearer(&analyst).ok().await;
        let next = format!("{path}&limit=2&cursor={}", first["next"].as_str().unwrap());
        let rest = world.get(&next).bearer(&analyst).ok().await;
        assert_eq!([names(&first), names(&rest)].concat(), expected, "{sort}");
    }
    for list in ["products", "courses"] {
        let page = world.get(&format!("/analytics/{list}?{days}")).bearer(&analyst).ok().await;
        let as_of = page["as_of"].as_str().unwrap();
        assert!(as_of.parse::<chrono::DateTime<chrono::Utc>>().is_ok(), "{list}: {page}");
    }
    let csv = world.get(&format!("/analytics/products?{days}&format=csv")).bearer(&analyst);
    let csv = csv.answer().await.text;
    assert!(csv.contains(",SKU2,\"Chair, red\",GBP,1,2,10000\r\n"), "{csv}");
    assert!(csv.contains(",SKU3,'=Vase,GBP,1,5,1500\r\n"), "{csv}");
    let none = format!("/analytics/products?{days}&currency=EUR");
    assert_eq!(world.get(&none).bearer(&analyst).ok().await["items"], json!([]));
}

#[tokio::test]
async fn stock_turns_over_as_often_as_what_lies_there_is_shipped() {
    let world = World::start().await;
    let analyst = world.token(bob(), &[Role::Analyst]);
    let product = lantern();
    let details = product::samples::full_details();
    world.run::<Product>(product, product::samples::add(product, details, pounds(339))).await;
    // On 1 March ten came, at once four were promised, and left.
    world.run::<Stock>(product, stock::samples::receive(10)).await;
    world.run::<Stock>(product, stock::samples::reserve(order(1), 4)).await;
    let last = world.run::<Stock>(product, stock::samples::ship(order(1))).await;

    let path = "/analytics/stock?from=2026-02-27&to=2026-03-02";
    let series = world.get(path).bearer(&analyst).after(last).ok().await;
    let numbers = |field: &str| -> Vec<Value> {
        let buckets = series["buckets"].as_array().unwrap();
        buckets.iter().map(|bucket| bucket[field].clone()).collect()
    };
    assert_eq!(numbers("on_hand"), [0, 0, 6, 6]);
    assert_eq!(numbers("shipped"), [0, 0, 4, 0]);
    assert_eq!(numbers("turnover"), [json!(null), json!(null), json!(0.6667), json!(0.0)]);
    let whole = &series["whole"];
    assert_eq!((&whole["average_on_hand"], &whole["turnover"]), (&json!(3.0), &json!(1.3333)));
    let months = format!("{path}&by=month&product={product}");
    let months = world.get(&months).bearer(&analyst).ok().await;
    assert_eq!(months["buckets"][1]["average_on_hand"], json!(6.0));
    let csv = world.get(&format!("{path}&format=csv")).bearer(&analyst).answer().await.text;
    assert!(csv.contains("2026-03-01,false,10,4,0,6,6,0.6667\r\n"), "{csv}");
    let unknown = format!("{path}&product={}", uuid(77));
    assert_eq!(world.get(&unknown).bearer(&analyst).problem().await.0, 404);
}
