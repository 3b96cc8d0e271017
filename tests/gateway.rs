//! The only door: that deploy/gateway.conf leads each request to the side that has it, and that a
//! client behind it meets one API.

mod compose;
mod configuration;
mod nginx;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use crate::apart::{Apart, Parts};
use crate::system::{Answer, Listening, Route, System, routes};
use configuration::{Answers, Gateway};
use nginx::Nginx;

pub use nginx::found;

const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/gateway.conf");
const ORIGIN: &str = "https://shop.example.org";

/// As docker-compose.yml has them.
const PARTS: Parts = Parts {
    name: "gateway",
    processes: &[&["command-api"], &["query-api"], &["projections", "processes"], &["relay"]],
    settings: &[
        ("DAYBOOK_PROXY_HOPS", "1"),
        ("DAYBOOK_RATE_LIMITS", "true"),
        ("DAYBOOK_CORS_ORIGINS", ORIGIN),
    ],
};

#[tokio::test]
async fn the_gateway_makes_one_api_of_two_sides() {
    let apart = Apart::start(PARTS).await;
    every_operation_is_led_to_the_side_that_has_it(&apart).await;
    let (command, query) = (apart.commands.base(), apart.queries.as_str());
    if let Some(nginx) = Nginx::before("gateway", command, query) {
        let system = System::at(&nginx.base, &apart.operator).await;
        commands_and_questions_go_through(&system).await;
        bodies_are_refused_in_our_words(&system).await;
        what_is_for_operation_stays_inside(&system).await;
        browsers_and_addresses_are_known_behind_it(&system).await;
    }
    apart.stop().await;
}

async fn every_operation_is_led_to_the_side_that_has_it(apart: &Apart) {
    let gateway = Gateway::parse(&fs::read_to_string(CONFIGURATION).unwrap());
    let (command, query) = (&apart.commands, &apart.commands.reading_from(&apart.queries));
    let description = query.get("/openapi.json").await.ok();
    assert_eq!(command.get("/openapi.json").await.ok().body, description.body);
    let of = |side: &str| if side == "command" { (command, query) } else { (query, command) };
    let mut led = 0;
    for route in routes(&description.body) {
        let (asked, Route { method, path, operation }) = (route.filled(), route);
        let Answers::Upstream(side) = gateway.answers(&method, None, &asked) else {
            panic!("the gateway does not let {method} {path} through");
        };
        let (has, has_not) = of(&side);
        let ask = |system: &System| system.ask(method.clone(), &asked).body(json!({}));
        let (here, there) = (ask(has).await, ask(has_not).await);
        assert!(is_route(&here), "led to {side}: {here}");
        assert!(!is_route(&there), "the other side has it too: {there}");
        let preflight = gateway.answers(&Method::OPTIONS, Some(&method), &asked);
        let streams = !operation["responses"]["200"]["content"]["text/event-stream"].is_null();
        assert!(streams || preflight == Answers::Upstream(side), "{method} {path}");
        assert!(!streams || gateway.is_unbuffered(&asked), "{path} is a stream");
        led += 1;
    }
    assert!(led > 80, "only {led} operations are described");
    for path in ["/openapi.json", "/asyncapi.json", "/docs/", "/problems", "/.well-known/jwks.json"]
    {
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(gateway.answers(&method, None, path), Answers::Upstream("query".into()));
        }
        query.get(path).await.ok();
    }
}

/// Whether a handler was asked, whatever it said.
fn is_route(answer: &Answer) -> bool {
    let nothing = answer.body["detail"] == "there is nothing at this path";
    answer.status != 405 && !(answer.status == 404 && nothing)
}

async fn commands_and_questions_go_through(system: &System) {
    let ada = system.ada().await;
    let mut live = Listening::to(ada.get("live?topics=ratings")).await;
    assert_eq!(live.next().await.event, "open");
    let mercy = system.merchandiser().await;
    let key = Uuid::now_v7();
    let emma = json!({ "title": "Emma", "authors": ["Jane Austen"] });
    let send = || mercy.post("books", emma.clone()).header("idempotency-key", key);
    let book = send().await.accepted();
    let again = send().await;
    assert_eq!(again.header("idempotency-replayed"), "true", "{again}");
    assert_eq!(again.accepted().position, book.position);

    let rated = ada.rate(book.id(), 9).await.accepted();
    let path = format!("books/{}/ratings", book.id());
    let ratings = system.get(&path).after(&rated).await;
    assert_eq!(ratings["count"], 1, "{ratings}");
    assert_eq!(live.until("ItemRated").await.id, rated.position);
    let head = system.ask(Method::HEAD, &path).await.ok();
    assert_eq!(head.header("etag"), ratings.header("etag"));
    assert!(ratings.header("etag").starts_with('"'), "If-Match needs a strong one: {ratings}");

    let trace = "0af7651916cd43dd8448eb211c80319c";
    let traced = |path: &str| {
        let parent = format!("00-{trace}-b7ad6b7169203331-01");
        system.get(path).header("traceparent", parent)
    };
    for (path, status) in [("/metrics", 404), ("books/nothing", 422)] {
        let problem = traced(path).await;
        assert_eq!(problem.status, status, "{problem}");
        assert_eq!(problem.body["trace_id"], trace, "{problem}");
    }
    let long = "x".repeat(8 << 10);
    system.ask_as(&long, Method::GET, "accounts/me").await.refused(401, "token-invalid");
}

async fn bodies_are_refused_in_our_words(system: &System) {
    const MEBIBYTE: usize = 1 << 20;
    let mercy = system.merchandiser().await;
    let of_size = |size: usize| {
        let body = json!({ "title": "Emma", "authors": ["Jane Austen"] }).to_string();
        let ask = system.ask_as(&mercy.token, Method::POST, "books");
        ask.text("application/json", " ".repeat(size - body.len()) + &body)
    };
    of_size(MEBIBYTE).await.accepted();
    // The command side says so itself, and what is far too large does not reach it.
    for (size, by_us) in [(MEBIBYTE + 1, true), (2 * MEBIBYTE, true), (3 * MEBIBYTE, false)] {
        let answer = of_size(size).await;
        assert_eq!(answer.body["instance"].is_string(), by_us, "{answer}");
        answer.refused(413, "body-too-large");
    }
    let text = system.ask_as(&mercy.token, Method::POST, "books").text("text/plain", "Emma");
    text.await.refused(415, "unsupported-media-type");
    system.ask(Method::TRACE, "books").await.refused(405, "method-not-allowed");
}

async fn what_is_for_operation_stays_inside(system: &System) {
    assert_eq!(system.get("/livez").await.ok().body, "alive\n");
    for path in ["/metrics", "/readyz", "//metrics", "/%6detrics", "/-/problem", "/nowhere"] {
        system.get(path).await.refused(404, "not-found");
    }
}

async fn browsers_and_addresses_are_known_behind_it(system: &System) {
    for method in ["GET", "PUT"] {
        let preflight = system
            .ask(Method::OPTIONS, "accounts/me/email")
            .header("origin", ORIGIN)
            .header("access-control-request-method", method)
            .header("access-control-request-headers", "idempotency-key,authorization")
            .await;
        assert_eq!(preflight.status, 200, "{preflight}");
        assert_eq!(preflight.header("access-control-allow-origin"), ORIGIN, "{preflight}");
        assert!(preflight.header("access-control-allow-methods").contains(method), "{preflight}");
    }
    // Whatever a client writes before it, the last address is the one that the gateway saw.
    let mut left = Vec::new();
    for spoofed in ["6.6.6.6", "7.7.7.7"] {
        let answer = system.get("books").header("x-forwarded-for", spoofed).await.ok();
        let limit = answer.header("ratelimit");
        let (policy, rest) = limit.split_once(";r=").unwrap();
        assert_eq!(policy, "\"address\"");
        left.push(rest.split(';').next().unwrap().parse::<u32>().unwrap());
    }
    assert!(left[1] < left[0], "one address, one bucket: {left:?}");
}

#[tokio::test]
async fn a_command_whose_answer_is_lost_is_not_sent_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let received = Arc::new(AtomicUsize::new(0));
    let count = received.clone();
    // Takes a request and goes away without a word.
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            if client.read(&mut [0; 4096]).await.unwrap() > 0 {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let Some(nginx) = Nginx::before("lost", &address, &address) else { return };
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for (method, code, times) in [
        (Method::PUT, "outcome-unknown", 1),
        (Method::DELETE, "outcome-unknown", 2),
        (Method::POST, "outcome-unknown", 3),
        (Method::GET, "unavailable", 4),
    ] {
        let response = http.request(method, format!("{}/api/v1/cart", nginx.base)).send().await;
        let response = response.unwrap();
        assert_eq!(response.status(), 502);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["retry-after"], "1");
        let problem: Value = response.json().await.unwrap();
        assert_eq!((&problem["code"], &problem["status"]), (&json!(code), &json!(502)));
        assert_eq!(received.load(Ordering::Relaxed), times, "{problem}");
    }
}
