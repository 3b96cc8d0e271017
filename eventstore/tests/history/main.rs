//! What was written stays: personal data apart, the chain, exports, old versions, foreign tables.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod adopt;
mod checkpoint;
mod export;
mod personal;
#[path = "../support/mod.rs"]
mod support;
mod upcast;
mod verify;

use eventstore::append::{Append, NewEvent, Verdict, Write};
use eventstore::{Log, StreamId};

/// A command that writes `count` events to a stream after `expected`.
fn command(key: &str, stream: &str, expected: i64, count: usize) -> Append {
    let event = NewEvent {
        event_type: "Happened".to_owned(),
        event_version: "1.0.0".to_owned(),
        payload: format!("{{\"key\":\"{key}\"}}"),
        metadata: "{\"actor\":\"test\"}".to_owned(),
    };
    let stream = StreamId::new("thing", stream);
    Append {
        caller: "test".to_owned(),
        key: key.to_owned(),
        fingerprint: Vec::new(),
        refusal: None,
        writes: vec![Write { stream, expected, events: vec![event; count] }],
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

/// Ten commits of one to three events on three streams: 20 events.
async fn history(log: &Log) {
    let mut lengths = [0_i64; 3];
    for number in 0..10_usize {
        let (stream, count) = (number % 3, 1 + (number + 1) % 3);
        let append = command(&number.to_string(), &stream.to_string(), lengths[stream], count);
        position(&log.append(append).await.unwrap());
        lengths[stream] += count as i64;
    }
}

/// Does what the triggers of the log refuse, as the owner of a database can.
async fn tamper(log: &Log, statement: &str) {
    let mut tx = log.pool().begin().await.unwrap();
    sqlx::query("set local session_replication_role = replica").execute(&mut *tx).await.unwrap();
    let done = sqlx::query(statement).execute(&mut *tx).await.unwrap();
    assert!(done.rows_affected() > 0, "{statement} changed nothing");
    tx.commit().await.unwrap();
}
