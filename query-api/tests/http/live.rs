use std::time::Duration;

use axum::body::Body;
use domain::Role;
use domain::order::Order;
use domain::order::samples::{lines, place};
use domain::samples::{ada, bob, middlemarch, order};
use http_body_util::BodyExt;
use serde_json::json;
use uuid::Uuid;

use crate::world::World;

/// The text of a stream as it comes.
struct Stream {
    body: Body,
    text: String,
}

impl Stream {
    async fn open(world: &World, path: &str, token: &str, last: Option<i64>) -> Self {
        let mut ask = world.get(path).bearer(token);
        if let Some(last) = last {
            ask = ask.with("last-event-id", last);
        }
        let response = ask.response().await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), text: String::new() }
    }

    /// Everything received, once it contains `part`.
    async fn until(&mut self, part: &str) -> &str {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while !self.text.contains(part) {
            let frame = tokio::time::timeout_at(deadline, self.body.frame()).await;
            let frame = frame.unwrap_or_else(|_| panic!("no {part} in {}", self.text));
            let Some(frame) = frame else { panic!("ended without {part}: {}", self.text) };
            self.text.push_str(std::str::from_utf8(frame.unwrap().data_ref().unwrap()).unwrap());
        }
        &self.text
    }
}

#[tokio::test]
async fn news_come_once_the_read_models_show_them_and_only_to_those_who_may_see_them() {
    let world = World::start().await;
    let (adas, bobs) = (world.token(ada(), &[]), world.token(bob(), &[]));
    let mut ada_hears = Stream::open(&world, "/live?topics=orders,books", &adas, None).await;
    let mut bob_hears = Stream::open(&world, "/live?topics=orders,books", &bobs, None).await;
    ada_hears.until("event: open").await;
    bob_hears.until("event: open").await;
    let placed = world.run::<Order>(order(1), place(order(1), lines())).await;
    let added = world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    let heard = ada_hears.until(&format!("id: {added}")).await;
    assert!(heard.contains("event: orders") && heard.contains(&format!("id: {placed}")), "{heard}");
    let heard = bob_hears.until(&format!("id: {added}")).await;
    assert!(!heard.contains("event: orders"), "{heard}");
    let ask = world.get(&format!("/orders/{}", order(1))).bearer(&adas);
    let page = ask.with("consistency-token", placed).with("prefer", "wait=0").ok().await;
    assert_eq!(page["status"], json!("PENDING"));
}

#[tokio::test]
async fn a_client_that_comes_back_hears_what_it_missed_and_the_end() {
    let world = World::start().await;
    let token = world.token(ada(), &[]);
    let mut first = Stream::open(&world, "/live", &token, None).await;
    let before = world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    first.until(&format!("id: {before}")).await;
    let heard = first.until("event: books").await;
    assert!(heard.contains(&format!("\"about\":\"{}\"", middlemarch())), "{heard}");
    drop(first);
    let missed = world.run::<Order>(order(1), place(order(1), lines())).await;
    let mut again = Stream::open(&world, "/live", &token, Some(before)).await;
    let heard = again.until(&format!("id: {missed}")).await;
    assert!(!heard.contains(&format!("id: {before}\n")), "{heard}");
    let mut far = Stream::open(&world, "/live", &token, Some(missed + 1000)).await;
    far.until("event: reset").await;
    world.shutdown.cancel();
    again.until("event: shutdown").await;
    let bad = world.get("/live?topics=weather").bearer(&token).problem().await;
    assert_eq!(bad, (422, "invalid".to_owned()));
    let forbidden = world.get("/live?topics=activity").bearer(&token).problem().await;
    assert_eq!(forbidden.0, 403);
}

#[tokio::test]
async fn a_stream_ends_with_the_session_it_was_opened_in() {
    let world = World::start().await;
    let session = Uuid::from_u128(0x5e55);
    let issued =
        world.kit.tokens().issue(ada(), session, vec![Role::Member], service_kit::clock::now());
    let mut ada_hears = Stream::open(&world, "/live", &issued.token, None).await;
    ada_hears.until("event: open").await;
    sqlx::query(
        "insert into identity.sessions (id, account, expires_at, revoked_at, revoked_for)
         values ($1, $2, clock_timestamp() + interval '7 days', clock_timestamp(), 'password')",
    )
    .bind(session)
    .bind(ada().uuid())
    .execute(world.log.pool())
    .await
    .unwrap();
    ada_hears.until("event: reset").await;
    let refused = world.get("/live").bearer(&issued.token).problem().await;
    assert_eq!(refused, (401, "token-invalid".to_owned()));
}
