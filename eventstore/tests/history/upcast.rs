//! Events of every version ever written still read. The golden lines are never edited: they are
//! what logs out there hold.

use domain::book::{self, Book};
use eventstore::{RecordedEvent, StreamId, upcast};
use serde_json::Value;

use crate::{command, position, support};

const GOLDEN: &str = include_str!("golden.jsonl");

#[derive(serde::Deserialize)]
struct Golden {
    event_type: String,
    event_version: String,
    payload: Value,
    today: Value,
}

fn golden() -> Vec<Golden> {
    GOLDEN.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn events_of_old_versions_become_events_of_today() {
    for golden in golden() {
        let today = upcast::upcast(&golden.event_type, &golden.event_version, golden.payload);
        assert_eq!(today, golden.today, "{} {}", golden.event_type, golden.event_version);
    }
}

#[test]
fn every_upcaster_has_a_golden_line() {
    for upcaster in domain::upcasters() {
        let covered = golden().iter().any(|golden| {
            golden.event_type == upcaster.event_type
                && upcast::is_old(&golden.event_type, &golden.event_version)
        });
        assert!(covered, "{} {}", upcaster.event_type, upcaster.to_version);
    }
}

#[test]
fn reading_decodes_an_old_event_and_the_log_keeps_what_was_written() {
    for golden in golden().into_iter().filter(|golden| golden.event_type.starts_with("Book")) {
        let event = RecordedEvent {
            position: 1,
            stream: StreamId::new("book", "b"),
            sequence: 1,
            event_type: golden.event_type,
            event_version: golden.event_version,
            payload: golden.payload.to_string(),
            metadata: "{}".to_owned(),
            recorded_at: chrono::DateTime::UNIX_EPOCH,
        };
        let decoded: book::Event = event.decode().unwrap();
        assert_eq!(serde_json::to_value(decoded).unwrap(), golden.today);
        assert_eq!(event.payload, golden.payload.to_string());
    }
}

#[test]
fn todays_events_are_not_touched() {
    let payload = serde_json::json!({"type": "BookAdded", "details": {"genres": ["kids"]}});
    assert_eq!(upcast::upcast("BookAdded", "1.1.0", payload.clone()), payload);
    assert!(!upcast::is_old("ItemRated", "1.0.0"));
}

#[tokio::test]
async fn loading_decides_on_todays_form_of_an_old_event() {
    let log = support::log().await;
    let golden = golden().remove(1);
    let mut append = command("1", "b", 0, 1);
    append.writes[0].stream = StreamId::new("book", "b");
    append.writes[0].events[0].event_type = golden.event_type;
    append.writes[0].events[0].event_version = golden.event_version;
    append.writes[0].events[0].payload = golden.payload.to_string();
    position(&log.append(append).await.unwrap());

    let loaded = log.load::<Book>("b").await.unwrap();
    let events = log.events_of::<Book>("b").await.unwrap();
    assert_eq!(loaded.sequence, 1);
    assert_eq!(serde_json::to_value(&events[0]).unwrap(), golden.today);
}
