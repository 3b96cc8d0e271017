//! A verifier of our own, written from docs/HASHCHAIN.md alone: an auditor need not trust our code.

use chrono::{DateTime, TimeZone, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::system::System;

#[derive(Deserialize)]
struct Event<'a> {
    position: i64,
    stream: Stream,
    sequence: i64,
    event_type: String,
    event_version: String,
    #[serde(borrow)]
    payload: &'a RawValue,
    #[serde(borrow)]
    metadata: &'a RawValue,
    recorded_at: DateTime<Utc>,
    leaf: String,
}

#[derive(Deserialize)]
struct Stream {
    r#type: String,
    id: String,
}

fn column(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap();
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

fn leaf(event: &Event<'_>) -> [u8; 32] {
    let sequence = event.sequence.to_string();
    let columns = [
        &event.stream.r#type,
        &event.stream.id,
        &sequence,
        &event.event_type,
        &event.event_version,
        event.payload.get(),
        event.metadata.get(),
    ];
    let content = Sha256::digest(columns.map(column).concat());
    let epoch = Utc.with_ymd_and_hms(2000, 1, 1, 0, 0, 0).unwrap();
    let microseconds = (event.recorded_at - epoch).num_microseconds().unwrap();
    let mut hash = Sha256::new_with_prefix(content);
    hash.update(event.position.to_be_bytes());
    hash.update(microseconds.to_be_bytes());
    hash.finalize().into()
}

#[tokio::test]
async fn an_export_can_be_verified_with_nothing_but_the_document() {
    let system = System::start().await;
    let auditor = system.auditor().await;
    let book = system.add_book(json!({ "title": "Emma \u{1f4d6}", "authors": ["Austen"] })).await;
    let rated = system.ada().await.rate(book, 9).await.accepted();

    let export = auditor.get(format!("audit/export?until={}", rated.position)).await.ok();
    let mut hash = vec![0; 32];
    let (mut position, mut commits) = (0, 0);
    let mut leaves: Vec<[u8; 32]> = Vec::new();
    let mut manifest = Value::Null;
    for line in export.body.as_str().unwrap().lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        assert_eq!(manifest, Value::Null, "the manifest is the last line");
        if value["export"].is_object() {
            assert_eq!(value["export"]["format"], "daybook-export-1");
        } else if value["commit"].is_object() {
            hash = Sha256::digest([hash, leaves.concat()].concat()).to_vec();
            leaves.clear();
            commits += 1;
            assert_eq!(value["commit"]["hash"], hex::encode(&hash), "{line}");
            assert_eq!(value["commit"]["last_position"], position, "{line}");
        } else if value["manifest"].is_object() {
            manifest = value["manifest"].clone();
        } else {
            let event: Event<'_> = serde_json::from_str(line).unwrap();
            position += 1;
            assert_eq!(event.position, position, "positions are dense");
            leaves.push(leaf(&event));
            assert_eq!(event.leaf, hex::encode(leaves[leaves.len() - 1]), "{line}");
        }
    }
    assert_eq!(manifest["hash"], hex::encode(&hash), "{manifest}");
    assert_eq!((&manifest["events"], &manifest["commits"]), (&json!(position), &json!(commits)));
    assert!(position >= rated.position);
}

#[tokio::test]
async fn an_export_that_was_cut_off_goes_on_where_it_stopped() {
    let system = System::start().await;
    let auditor = system.auditor().await;
    let book = system.add_book(json!({ "title": "Emma", "authors": ["Jane Austen"] })).await;
    let rated = system.ada().await.rate(book, 9).await.accepted();
    let events = |text: &Value| -> Vec<String> {
        let lines = text.as_str().unwrap().lines();
        lines.filter(|line| line.starts_with("{\"position\"")).map(str::to_owned).collect()
    };
    let path = |after: i64| format!("audit/export?after={after}&until={}", rated.position);

    let whole = events(&auditor.get(path(0)).await.ok().body);
    let rest = events(&auditor.get(path(rated.position - 2)).await.ok().body);

    assert_eq!(whole[whole.len() - rest.len()..], rest);
    assert!(rest.len() >= 2);
    system.ada().await.get(path(0)).await.refused(403, "forbidden");
}
