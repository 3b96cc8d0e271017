//! What a dashboard shows must be what happened. These tests have a system to themselves, so that
//! all of it is their doing.

use serde_json::{Value, json};

use crate::system::{Answer, Client, Program, School, Shop, System, eventually};

async fn a_system_of_our_own(name: &'static str) -> (Program, System) {
    let start = move || Program::up(name, &["--ephemeral"]);
    let program = tokio::task::spawn_blocking(start).await.unwrap();
    let system = System::of(&program).await;
    (program, system)
}

/// As it stands once everything in `seen` has been counted.
async fn numbers(analyst: &Client, path: &str, seen: &Answer) -> Answer {
    let position = seen.header("projection-position");
    let ask = analyst.get(format!("analytics/{path}"));
    ask.header("consistency-token", position).header("prefer", "wait=5").await.ok()
}

/// The sum over all days; a test may run at midnight.
fn sum(series: &Answer, measure: &str) -> i64 {
    let buckets = series["buckets"].as_array().unwrap();
    buckets.iter().map(|bucket| bucket[measure].as_i64().unwrap_or_default()).sum()
}

#[tokio::test]
async fn the_numbers_are_those_of_what_happened() {
    let (mut program, system) = a_system_of_our_own("analytics").await;
    let analyst = system.analyst().await;
    let (ada, bob) = (system.ada().await, system.bob().await);
    let book = system.add_book(json!({ "title": "Emma", "authors": ["Jane Austen"] })).await;
    ada.rate(book, 9).await.accepted();
    ada.rate(book, 7).await.accepted();
    bob.rate(book, 4).await.accepted();
    ada.follow(&bob).await.accepted();
    let school = School::of(system.clone(), 1, None).await;
    ada.put(school.enrollment(), json!({})).await.accepted();
    ada.put(school.completion(0), json!({})).await.accepted();
    bob.put(school.enrollment(), json!({})).await.accepted();
    bob.delete(school.enrollment()).await.accepted();
    let shop = Shop::of(system.clone(), 10).await;
    let kept = ada.orders(shop.product, 3).await;
    ada.settled(&kept).await;
    let given_up = bob.orders(shop.product, 2).await;
    bob.settled(&given_up).await;
    bob.delete(format!("orders/{}", given_up.id())).await.accepted();
    let too_many = bob.orders(shop.product, 999).await;
    let seen = bob.settled(&too_many).await;

    let summary = numbers(&analyst, "summary", &seen).await;
    let now = json!({ "accounts": 7, "books": 1, "courses": 1, "products": 1 });
    assert_eq!(summary["now"], now, "{summary}");
    let by_status = json!({ "CONFIRMED": 1, "CANCELLED": 1, "REJECTED": 1 });
    assert_eq!(summary["orders_by_status"], by_status, "{summary}");
    let revenue = json!([{ "currency": "GBP", "orders": 1, "minor": 3 * 1999 }]);
    assert_eq!(summary["revenue"], revenue, "{summary}");

    for (path, measure, expected) in [
        ("registrations", "registrations", 7),
        ("activity", "ratings", 2),
        ("ratings", "ratings", 2),
        ("ratings", "rating_points", 13),
        ("ratings", "rating_changes", 1),
        ("activity", "follows", 1),
        ("enrollments", "enrollments", 2),
        ("enrollments", "withdrawals", 1),
        ("enrollments", "completions", 1),
        ("orders", "orders_placed", 3),
        ("orders", "orders_confirmed", 2),
        ("orders", "orders_rejected", 1),
        ("orders", "orders_cancelled", 1),
        ("orders", "orders_shipped", 0),
    ] {
        let series = numbers(&analyst, path, &seen).await;
        assert_eq!(sum(&series, measure), expected, "{measure} of {series}");
        assert_eq!(summary["in_range"][measure].as_i64().unwrap_or_default(), expected);
    }
    let courses = numbers(&analyst, "courses", &seen).await;
    let course = &courses["items"][0];
    let number = |number: &str| course[number].as_i64().unwrap();
    let numbers_of_it = [number("enrollments"), number("withdrawals"), number("completions")];
    assert_eq!((&course["course"], numbers_of_it), (&json!(school.course), [2, 1, 1]));
    let products = numbers(&analyst, "products", &seen).await;
    assert_eq!(products["items"].as_array().unwrap().len(), 1, "{products}");
    let product = &products["items"][0];
    assert_eq!((&product["units"], &product["minor"]), (&json!(3), &json!(3 * 1999)), "{product}");
    shop.mercy
        .patch(format!("orders/{}/status", kept.id()), json!({ "status": "SHIPPED" }))
        .await
        .accepted();
    let path = format!("analytics/stock?product={}", shop.product);
    let stock = eventually(|| analyst.get(&path), |stock| stock["whole"]["shipped"] == 3).await;
    assert_eq!(stock["whole"]["on_hand"], 7, "{stock}");
    assert!(stock["whole"]["turnover"].as_f64().unwrap() > 0.0, "{stock}");
    let revenue = numbers(&analyst, "revenue", &seen).await;
    assert_eq!((sum(&revenue, "minor"), sum(&revenue, "orders")), (3 * 1999, 1), "{revenue}");
    program.child.kill().unwrap();
}

#[tokio::test]
async fn a_series_has_no_gaps_and_says_what_is_not_over() {
    let system = System::start().await;
    let analyst = system.analyst().await;

    let path = "analytics/registrations?from=2026-01-01&to=2026-01-31";
    let days = analyst.get(path).await.ok();
    let buckets = days["buckets"].as_array().unwrap();
    assert_eq!(buckets.len(), 31);
    let first = json!({ "start": "2026-01-01", "partial": false, "registrations": 0 });
    assert_eq!(buckets[0], first);
    assert_eq!((&days["tz"], &days["by"]), (&json!("UTC"), &json!("day")));

    let today = analyst.get("analytics/registrations?by=month").await.ok();
    let buckets = today["buckets"].as_array().unwrap();
    assert_eq!(buckets.last().unwrap()["partial"], true, "{today}");
}

#[tokio::test]
async fn a_series_comes_as_a_table_too() {
    let system = System::start().await;
    let analyst = system.analyst().await;
    let path = "analytics/orders?from=2026-01-01&to=2026-01-02";

    let csv = analyst.get(path).header("accept", "text/csv").await.ok();

    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let text = csv.body.as_str().unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].starts_with("start,partial,orders_cancelled,orders_confirmed"), "{text}");
    assert_eq!(lines[1], "2026-01-01,false,0,0,0,0,0,0");
    assert_eq!(analyst.get(format!("{path}&format=csv")).await.ok().body, csv.body);
}

#[tokio::test]
async fn numbers_about_everybody_are_for_analysts() {
    let system = System::start().await;
    let (ada, analyst) = (system.ada().await, system.analyst().await);
    for path in [
        "summary",
        "registrations",
        "enrollments",
        "courses",
        "orders",
        "products",
        "revenue",
        "ratings",
        "stock",
        "activity",
    ] {
        ada.get(format!("analytics/{path}")).await.refused(403, "forbidden");
        system.get(format!("analytics/{path}")).await.refused(401, "token-required");
        analyst.get(format!("analytics/{path}")).await.ok();
    }
    for (query, pointer) in [
        ("from=2026-02-01&to=2026-01-01", "/query/from"),
        ("tz=Europe/London", "/query/tz"),
        ("by=hour", "/query/by"),
        ("from=yesterday", "/query/from"),
    ] {
        let problem = analyst.get(format!("analytics/orders?{query}")).await;
        let problem: Value = problem.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
}
