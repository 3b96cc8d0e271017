use std::fs;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::Method;
use service_kit::codes;
use service_kit::{Health, Site};
use tokio_util::sync::CancellationToken;

use crate::world::{Ask, World, settings};

#[tokio::test]
async fn every_code_has_a_page_that_says_whether_to_try_again() {
    let world = World::start().await;
    let index = world.get("/problems").await;
    for code in codes::all() {
        let page = world.get(&format!("/problems/{}", code.code)).await;
        assert_eq!(page.status, 200, "{}", code.code);
        assert!(page.text.contains("Try again?") && page.text.contains(code.retry));
        assert!(index.text.contains(&format!("/problems/{}\"", code.code)));
    }
    assert_eq!(world.get("/problems/nonsense").await.problem().0, 404);
}

#[test]
fn every_code_is_told_once() {
    assert!(codes::all().windows(2).all(|pair| pair[0].code < pair[1].code));
}

/// The first string after each `Problem::<maker>(`, which is its code.
fn codes_in(source: &str) -> Vec<String> {
    source
        .split("Problem::")
        .skip(1)
        .filter(|call| {
            let makers =
                ["new(", "not_found(", "conflict(", "forbidden(", "unauthorized(", "malformed("];
            makers.iter().chain(&["busy("]).any(|maker| call.starts_with(maker))
        })
        .filter_map(|call| call.split_once('(').map(|(_, arguments)| arguments.trim_start()))
        .filter_map(|arguments| {
            let arguments = match arguments.strip_prefix("StatusCode::") {
                Some(status) => status.split_once(',')?.1.trim_start(),
                None => arguments,
            };
            Some(arguments.strip_prefix('"')?.split('"').next()?.to_owned())
        })
        .collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.extension() {
            _ if path.is_dir() => sources(&path, found),
            Some(extension) if extension == "rs" => found.push(path),
            _ => {}
        }
    }
}

#[test]
fn every_code_that_a_slice_answers_is_in_the_table() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for crate_ in ["service-kit", "command-api", "query-api"] {
        sources(&workspace.join(crate_).join("src"), &mut files);
    }
    let mut unknown = Vec::new();
    for file in files {
        let codes = codes_in(&fs::read_to_string(&file).unwrap());
        unknown.extend(codes.into_iter().filter(|code| codes::find(code).is_none()));
    }
    assert!(unknown.is_empty(), "no page tells what these mean: {unknown:?}");
}

#[tokio::test]
async fn the_description_is_openapi_3_1_and_can_be_read_by_people() {
    let world = World::start().await;
    let description = world.get("/openapi.json").await;
    assert!(description.body["openapi"].as_str().is_some_and(|v| v.starts_with("3.1")));
    assert!(description.body["components"]["schemas"]["Problem"].is_object());
    assert!(description.body["components"]["securitySchemes"]["bearer"].is_object());
    let page = world.get("/docs/").await;
    assert!(page.status == 200 && page.text.contains("swagger"), "{}", page.text);
}

#[tokio::test]
async fn consumers_of_the_stream_find_every_event_described() {
    let world = World::start().await;
    let document = world.get("/asyncapi.json").await;
    assert_eq!((document.status.as_u16(), &document.body["asyncapi"]), (200, &"3.0.0".into()));
    let channel = &document.body["channels"]["rating.ItemRated"];
    assert_eq!(channel["address"], "daybook.events.rating.ItemRated", "{}", document.text);
}

#[tokio::test]
async fn health_names_what_is_missing() {
    let health = Health::new(CancellationToken::new())
        .check("database", || async { Ok("Postgres 15".to_owned()) });
    let ready = health.clone();
    let world = World::with(settings(), |_| Site::new(ready)).await;
    assert_eq!(world.get("/livez").await.status, 200);
    let answer = world.get("/readyz").await;
    assert_eq!(
        (answer.status.as_u16(), answer.body["checks"][0]["ok"].as_bool()),
        (200, Some(true))
    );

    let broken = health.check("nats", || async { Err("connection refused".to_owned()) });
    let world = World::with(settings(), |_| Site::new(broken)).await;
    let answer = world.get("/readyz").await;
    assert_eq!(answer.problem(), (503, "unavailable"));
    assert_eq!(answer.body["checks"][0]["ok"], true);
    assert_eq!(answer.body["checks"][1]["detail"], "connection refused");
}

#[tokio::test]
async fn readiness_ends_with_the_signal() {
    let shutdown = CancellationToken::new();
    let health = Health::new(shutdown.clone());
    let world = World::with(settings(), |_| Site::new(health)).await;
    assert_eq!(world.get("/readyz").await.status, 200);
    shutdown.cancel();
    assert_eq!(world.get("/readyz").await.problem().0, 503);
}

#[tokio::test]
async fn only_named_origins_may_call_from_a_browser() {
    let preflight = |origin: &str| {
        Ask::new(Method::OPTIONS, "/api/v1/things")
            .with("origin", origin)
            .with("access-control-request-method", "POST")
            .with("access-control-request-headers", "idempotency-key")
            .body(Body::empty())
    };
    let world = World::start().await;
    let closed = world.send(preflight("https://app.example.org")).await;
    assert_eq!(closed.header("access-control-allow-origin"), "");

    let origins = vec!["https://app.example.org".parse().unwrap()];
    let world = World::with(settings(), |site| Site { cors_origins: origins, ..site }).await;
    let open = world.send(preflight("https://app.example.org")).await;
    assert_eq!(open.header("access-control-allow-origin"), "https://app.example.org");
    assert!(open.header("access-control-allow-headers").contains("idempotency-key"));
    let other = world.send(preflight("https://evil.example.org")).await;
    assert_eq!(other.header("access-control-allow-origin"), "");
    let ask = Ask::new(Method::GET, "/api/v1/nowhere").with("origin", "https://app.example.org");
    let error = world.send(ask.body(Body::empty())).await;
    assert!(error.header("access-control-expose-headers").contains("consistency-token"));
    assert_eq!(error.problem().0, 404);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_status() {
    let metrics = service_kit::metrics::install().unwrap();
    let world = World::with(settings(), |site| Site { metrics: Some(metrics), ..site }).await;
    world.get("/api/v1/things").await;
    world.get("/api/v1/nowhere/1").await;
    world.get("/api/v1/nowhere/2").await;
    let text = world.get("/metrics").await.text;
    let counted = |route: &str, status: u16| {
        let labels = format!("{{method=\"GET\",route=\"{route}\",status=\"{status}\"}}");
        let line = format!("daybook_http_requests_total{labels} ");
        text.lines().find_map(|l| l.strip_prefix(&line)?.parse::<u64>().ok())
    };
    // Other tests of this process count too.
    assert!(counted("/api/v1/things", 200) >= Some(1), "{text}");
    assert!(counted("unmatched", 404) >= Some(2), "{text}");
    assert!(text.contains("daybook_http_request_seconds_bucket"), "{text}");
    assert!(!text.contains("nowhere"), "paths of clients must not become labels");
}
