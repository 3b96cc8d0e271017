use domain::Role;
use domain::order::Order;
use domain::order::samples::{confirm, lines, place};
use domain::samples::{ada, bob, order};
use serde_json::json;

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
    let csv = world.get(&format!("/analytics/summary?{days}&format=csv")).bearer(&analyst);
    assert!(csv.answer().await.text.contains("revenue_minor,GBP,2034\r\n"));
}
