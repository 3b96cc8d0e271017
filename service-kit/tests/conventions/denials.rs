use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Method;
use domain::{AccountId, Role};
use service_kit::access_log;
use service_kit::rates::RatesPerMinute;
use uuid::Uuid;

use crate::world::{Ask, World, settings};

type Denial = (String, Option<Uuid>, String, String, i32, String, i64);

/// Waits until the log of accesses counts this many.
async fn denials(world: &World, times: i64) -> Vec<Denial> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let rows: Vec<Denial> = sqlx::query_as(
            "select kind, account, method, path, status, code, times
             from eventstore.access_log order by id",
        )
        .fetch_all(&world.pool)
        .await
        .unwrap();
        if rows.iter().map(|row| row.6).sum::<i64>() >= times {
            return rows;
        }
        assert!(Instant::now() < deadline, "only {rows:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn every_denial_is_visible_to_an_auditor() {
    let world = World::start().await;
    let (account, token) = world.token(&[Role::Member]);
    let path = "/api/v1/things/1";
    for _ in 0..3 {
        assert_eq!(world.send(Ask::put(path).bearer(&token).json("{}")).await.problem().0, 403);
    }
    world.send(Ask::put(path).json("{}")).await;
    world.get("/api/v1/nowhere").await;

    let rows = denials(&world, 4).await;
    let of = |code: &str| rows.iter().filter(|row| row.5 == code).collect::<Vec<_>>();
    assert_eq!(of("forbidden").iter().map(|row| row.6).sum::<i64>(), 3);
    assert_eq!(of("token-required").len(), 1);
    let (kind, who, method, asked, status, _, _) = of("forbidden")[0];
    assert_eq!((kind.as_str(), *who), ("denied", Some(account.uuid())));
    assert_eq!((method.as_str(), asked.as_str(), *status), ("PUT", path, 403));
    assert_eq!(of("token-required")[0].1.map(AccountId::new), None);
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let rate = |n| NonZeroU32::new(n).unwrap();
    let rates = RatesPerMinute { account: rate(3), address: rate(2), login: rate(1) };
    let world = World::with(
        service_kit::Settings { rates: Some(rates), proxy_hops: 1, ..settings() },
        |site| site,
    )
    .await;
    let ask = |address: &str, token: Option<&str>| {
        let ask = Ask::new(Method::GET, "/api/v1/token").with("x-forwarded-for", address);
        token.into_iter().fold(ask, Ask::bearer).body(Body::empty())
    };
    let (_, ada) = world.token(&[Role::Member]);
    let (_, bob) = world.token(&[Role::Member]);

    for left in ["2", "1", "0"] {
        let answer = world.send(ask("192.0.2.1", Some(&ada))).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), "\"account\";q=3;w=60");
        assert!(answer.header("ratelimit").starts_with(&format!("\"account\";r={left};t=")));
    }
    let limited = world.send(ask("192.0.2.1", Some(&ada))).await;
    assert_eq!(limited.problem(), (429, "rate-limited"));
    assert!(limited.header("retry-after").parse::<u64>().unwrap() <= 20);
    assert!(limited.header("ratelimit").starts_with("\"account\";r=0;t="));
    assert_eq!(world.send(ask("192.0.2.1", Some(&bob))).await.status, 200, "others go on");

    // Without an account it is the address that our proxy saw, whatever the client wrote before it.
    for (forwarded, status) in [
        ("192.0.2.7", 200),
        ("6.6.6.6, 192.0.2.7", 200),
        ("7.7.7.7, 192.0.2.7", 429),
        ("192.0.2.8", 200),
    ] {
        assert_eq!(world.send(ask(forwarded, None)).await.status, status, "{forwarded}");
    }

    let log_in =
        || Ask::post("/api/v1/login").with("x-forwarded-for", "192.0.2.9").body(Body::empty());
    assert_eq!(world.send(log_in()).await.status, 200);
    assert_eq!(world.send(log_in()).await.problem(), (429, "rate-limited"));
    assert_eq!(world.send(ask("192.0.2.9", None)).await.status, 200, "log-ins have their own");

    let reset =
        || Ask::post("/api/v1/reset").with("x-forwarded-for", "192.0.2.9").body(Body::empty());
    let first = world.send(reset()).await;
    assert_eq!(first.status, 200, "new passwords have their own");
    assert!(first.header("ratelimit-policy").starts_with("\"password-reset\""));
    assert_eq!(world.send(reset()).await.problem(), (429, "rate-limited"));
}

#[tokio::test]
async fn nobody_fills_the_record_of_denials_faster_than_they_may_ask() {
    let rate = |n| NonZeroU32::new(n).unwrap();
    let rates = RatesPerMinute { account: rate(2), address: rate(3), login: rate(1) };
    let limited = service_kit::Settings { rates: Some(rates), proxy_hops: 1, ..settings() };
    let world = World::with(limited, |site| site).await;
    let from = |address: &str, token: Option<&str>| {
        let ask = Ask::put("/api/v1/things/1").with("x-forwarded-for", address);
        token.into_iter().fold(ask, Ask::bearer).json("{}")
    };

    let (_, ada) = world.token(&[Role::Member]);
    for (token, code) in [
        (Some("nonsense"), (401, "token-invalid")),
        (None, (401, "token-required")),
        (Some("e30.e30.e30"), (401, "token-invalid")),
        (Some("nonsense"), (429, "rate-limited")),
        (None, (429, "rate-limited")),
        (Some(&ada), (403, "forbidden")),
        (Some(&ada), (403, "forbidden")),
        (Some(&ada), (429, "rate-limited")),
    ] {
        let answer = world.send(from("192.0.2.1", token)).await;
        assert_eq!(answer.problem(), code);
        assert!(answer.headers.contains_key("ratelimit"), "{:?}", answer.headers);
    }
    let elsewhere = world.send(from("192.0.2.2", Some("nonsense"))).await;
    assert_eq!(elsewhere.problem(), (401, "token-invalid"), "others are told what is wrong");

    let rows = denials(&world, 6).await;
    assert_eq!(rows.iter().map(|row| row.6).sum::<i64>(), 6, "{rows:?}");
}

#[tokio::test]
async fn accesses_are_kept_for_a_time_and_long_paths_are_cut() {
    let world = World::start().await;
    let path = format!("/api/v1/things/{}", "x".repeat(5_000));
    assert_eq!(world.send(Ask::put(&path).json("{}")).await.problem().0, 401);
    let rows = denials(&world, 1).await;
    assert_eq!(rows[0].3.chars().count(), 1_001);
    assert!(rows[0].3.starts_with("/api/v1/things/xxx") && rows[0].3.ends_with("x…"));

    sqlx::query(
        "insert into eventstore.access_log (at, kind, method, path, status, code, trace_id)
         select clock_timestamp() - make_interval(days => 11) + n * interval '1 ms',
                'denied', 'GET', '/old', 401, '', '' from generate_series(1, 2500) n",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    let days = |n| NonZeroU32::new(n).unwrap();
    assert_eq!(access_log::forget(&world.pool, days(12)).await.unwrap(), 0);
    assert_eq!(access_log::forget(&world.pool, days(10)).await.unwrap(), 2500);
    assert_eq!(denials(&world, 1).await.len(), 1, "what is young stays");
    assert_eq!(access_log::forget(&world.pool, NonZeroU32::MAX).await.unwrap(), 0);
}
