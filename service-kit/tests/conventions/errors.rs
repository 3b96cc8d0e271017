use axum::body::Body;
use axum::http::Method;
use domain::Role;
use futures::stream;
use serde_json::json;
use service_kit::BODY_BYTES_MAX;

use crate::world::{Ask, World, settings};

const THING: &str = "/api/v1/things/018f4e9a-0000-7000-8000-000000000001";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[tokio::test]
async fn the_frameworks_own_errors_are_problems_too() {
    let world = World::start().await;
    let unknown = world.get("/api/v1/nowhere?x=1").await;
    assert_eq!(unknown.problem(), (404, "not-found"));
    assert_eq!(unknown.body["instance"], "/api/v1/nowhere");
    assert_eq!(world.get("/nowhere").await.problem(), (404, "not-found"));

    let method = world.send(Ask::new(Method::PATCH, "/api/v1/things").json("{}")).await;
    assert_eq!(method.problem(), (405, "method-not-allowed"));
    assert_eq!(method.header("allow"), "GET,HEAD,POST");

    let bad = world.get("/api/v1/things?limit=0").await;
    assert_eq!((bad.problem(), bad.pointer()), ((422, "invalid"), "/query/limit"));
    let bad = world.get("/api/v1/things?page=2").await;
    assert_eq!((bad.problem(), bad.pointer()), ((422, "invalid"), "/query/page"));
    assert_eq!(world.get("/api/v1/things?limit=7").await.body, json!(7));
}

#[tokio::test]
async fn a_failure_of_ours_is_told_without_its_cause() {
    let world = World::start().await;
    for path in ["/api/v1/panic", "/api/v1/database"] {
        let ask = Ask::new(Method::GET, path)
            .with("traceparent", &format!("00-{TRACE}-b7ad6b7169203331-01"));
        let answer = world.send(ask.body(Body::empty())).await;
        assert_eq!(answer.problem(), (500, "internal"));
        assert_eq!(answer.body["trace_id"], TRACE);
        assert!(!answer.text.contains("disco") && !answer.text.contains("select"));
    }
}

#[tokio::test]
async fn refusals_are_checked_in_the_order_that_api_md_gives() {
    let world = World::start().await;
    let (_, member) = world.token(&[Role::Member]);
    let (_, merchandiser) = world.token(&[Role::Merchandiser]);
    let big = "x".repeat(BODY_BYTES_MAX + 1);
    let bad_path = "/api/v1/things/one";

    // Each request is wrong in every way that comes later, too.
    let ask = Ask::put(bad_path).with("content-length", "2000000");
    assert_eq!(world.send(ask.body(Body::from(big.clone()))).await.problem().0, 413);
    let chunks = big.as_bytes().chunks(4096).map(|c| Ok::<_, std::io::Error>(c.to_vec()));
    let streamed = Body::from_stream(stream::iter(chunks.collect::<Vec<_>>()));
    let ask = Ask::put(bad_path).body(streamed);
    assert_eq!(world.send(ask).await.problem(), (413, "body-too-large"));
    let ask = Ask::put(bad_path).with("content-type", "text/plain").body(Body::from("{"));
    assert_eq!(world.send(ask).await.problem(), (415, "unsupported-media-type"));
    let ask = Ask::put(bad_path).with("if-match", "x").json("{");
    assert_eq!(world.send(ask).await.problem(), (401, "token-required"));
    let ask = Ask::put(bad_path).with("if-match", "x").bearer(&member).json("{");
    assert_eq!(world.send(ask).await.problem(), (403, "forbidden"));
    let ask = Ask::put(THING).with("if-match", "x").bearer(&merchandiser).json("{\"a\": 1}");
    assert_eq!(world.send(ask).await.problem(), (400, "bad-header"));
    let ask = Ask::put(THING).bearer(&merchandiser).json("{\"score\": \"x\"");
    assert_eq!(world.send(ask).await.problem(), (400, "malformed"));
    let wrong = world.send(Ask::put(THING).bearer(&merchandiser).json("{\"score\": -1}")).await;
    assert_eq!((wrong.problem(), wrong.pointer()), ((422, "invalid"), "/score"));
    let wrong = world.send(Ask::put(bad_path).bearer(&merchandiser).json("{}")).await;
    assert_eq!((wrong.problem(), wrong.pointer()), ((422, "invalid"), "/path/id"));
    let wrong = Ask::put(THING).bearer(&merchandiser).json("{\"score\": 1, \"scores\": 2}");
    assert_eq!(world.send(wrong).await.pointer(), "/scores");
    let right = world.send(Ask::put(THING).bearer(&merchandiser).json("{\"score\": 9}")).await;
    assert_eq!(right.status, 200, "{}", right.text);
}

#[tokio::test]
async fn a_body_without_its_type_is_refused_and_no_body_needs_none() {
    let world = World::start().await;
    let (_, token) = world.token(&[Role::Merchandiser]);
    let untyped = Ask::put(THING).bearer(&token).body(Body::from("{\"score\": 9}"));
    assert_eq!(world.send(untyped).await.problem().0, 415);
    assert_eq!(
        world.send(Ask::put(THING).bearer(&token).body(Body::empty())).await.problem().0,
        415
    );
    let typed =
        Ask::put(THING).bearer(&token).with("content-type", "application/JSON; charset=utf-8");
    assert_eq!(world.send(typed.body(Body::from("{\"score\": 9}"))).await.status, 200);
    let bare = Ask::put("/api/v1/mine").bearer(&token).body(Body::empty());
    assert_eq!(world.send(bare).await.status, 200);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let world = World::start().await;
    // From here on the clock jumps to whatever is waited for.
    tokio::time::pause();
    let never = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let answer = world.send(Ask::put(THING).with("content-type", "application/json").body(never));
    assert_eq!(answer.await.problem(), (408, "request-timeout"));

    let broken = stream::iter([Ok(b"{".to_vec()), Err(std::io::Error::other("cut"))]);
    let answer = world.send(Ask::put(THING).body(Body::from_stream(broken))).await;
    assert_eq!(answer.problem(), (400, "body-incomplete"));
}

#[tokio::test]
async fn a_receipt_says_where_things_stand() {
    let world = World::start().await;
    let key = "8e03978e-40d5-43e8-bc93-6894a57f9324";
    let ask = Ask::post("/api/v1/things")
        .with("idempotency-key", key)
        .with("if-match", "\"2.abc\"")
        .with("traceparent", &format!("00-{TRACE}-b7ad6b7169203331-01"));
    let made = world.send(ask.json("{\"score\": 9}")).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.header("consistency-token"), "17");
    assert_eq!(made.header("etag"), "\"3\"");
    assert_eq!(made.header("location"), "/api/v1/things/1");
    assert_eq!(made.header("idempotency-replayed"), "");
    assert_eq!(made.body["stream"], json!({"type": "thing", "id": "1"}));
    assert_eq!((&made.body["sequence"], &made.body["position"]), (&json!(3), &json!(17)));
    assert_eq!(made.body["id"], "1");
    assert_eq!(made.body["context"], json!(["anonymous", key, true, 2]));
    let metadata = &made.body["metadata"];
    assert_eq!((&metadata["command_id"], &metadata["actor"]), (&json!(key), &json!("anonymous")));
    assert!(metadata["traceparent"].as_str().is_some_and(|t| t.contains(TRACE)), "{metadata}");

    let again = world.send(Ask::post("/api/v1/things").json("{\"score\": 1}")).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_ne!(again.body["fingerprint"], made.body["fingerprint"]);
    assert_eq!(again.body["context"][2], false);

    let (_, token) = world.token(&[Role::Merchandiser]);
    let same = world.send(Ask::put(THING).bearer(&token).json("{\"score\": 0}")).await;
    assert_eq!((same.status.as_u16(), &same.body["unchanged"]), (200, &json!(true)));
}

#[tokio::test]
async fn a_server_may_ask_for_a_key_on_every_post() {
    let mut settings = settings();
    settings.require_idempotency_key = true;
    let world = World::with(settings, |site| site).await;
    let bare = world.send(Ask::post("/api/v1/things").json("{\"score\": 9}")).await;
    assert_eq!(bare.problem(), (400, "idempotency-key-required"));
    let guessable = Ask::post("/api/v1/things").with("idempotency-key", "1");
    let guessable = world.send(guessable.json("{\"score\": 9}")).await;
    assert_eq!(guessable.problem(), (400, "idempotency-key-invalid"));
}
