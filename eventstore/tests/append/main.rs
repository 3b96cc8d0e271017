//! The rules of a batch (DESIGN.md 4 and 5), at the level of appends.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod batches;
mod claims;
mod limits;
#[path = "../support/mod.rs"]
mod support;

use eventstore::StreamId;
use eventstore::append::{Append, NewEvent, Verdict, Write};

/// A command that writes `count` events to a stream after `expected`.
fn command(key: &str, stream: &str, expected: i64, count: usize) -> Append {
    let event = NewEvent {
        event_type: "Happened".to_owned(),
        event_version: "1.0.0".to_owned(),
        payload: format!("{{\"key\":\"{key}\"}}"),
        metadata: "{}".to_owned(),
    };
    Append {
        caller: "test".to_owned(),
        key: key.to_owned(),
        fingerprint: Vec::new(),
        refusal: None,
        writes: vec![Write {
            stream: StreamId::new("thing", stream),
            expected,
            events: vec![event; count],
        }],
        guards: Vec::new(),
        claims: Vec::new(),
        subjects: Vec::new(),
        erased: Vec::new(),
    }
}

/// The position of an appended command.
#[track_caller]
fn position(verdict: &Verdict) -> i64 {
    match verdict {
        Verdict::Appended(stored) => stored.position,
        other => panic!("not appended: {other:?}"),
    }
}

async fn sequences(log: &eventstore::Log) -> Vec<(i64, String, i64)> {
    let events = log.reader().page(0, 1_000).await.unwrap();
    events.into_iter().map(|e| (e.position, e.stream.aggregate_id, e.sequence)).collect()
}
