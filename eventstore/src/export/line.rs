//! The lines of an export.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::event::{RecordedEvent, StreamId};
use crate::verify::Commit;

/// Names the format, so that a later one can differ.
pub(crate) const FORMAT: &str = "daybook-export-1";

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    pub format: String,
    pub after: i64,
    /// The chain's hash after `after`; none when that position is inside a commit.
    pub previous_hash: Option<String>,
}

impl Header {
    pub(super) fn new(after: i64, previous_hash: Option<String>) -> Self {
        Self { format: FORMAT.to_owned(), after, previous_hash }
    }
}

/// Follows the events of a commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommitLine {
    pub first_position: i64,
    pub last_position: i64,
    pub recorded_at: DateTime<Utc>,
    pub hash: String,
}

impl CommitLine {
    pub(super) fn of(commit: &Commit) -> Self {
        Self {
            first_position: commit.first_position,
            last_position: commit.last_position,
            recorded_at: commit.recorded_at,
            hash: hex::encode(&commit.hash),
        }
    }
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub after: i64,
    pub until: i64,
    pub events: i64,
    pub commits: i64,
    /// The chain's hash at `until`.
    pub hash: Option<String>,
}

/// Every line but those of events, which carry no tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    Export(Header),
    Commit(CommitLine),
    Manifest(Manifest),
}

impl Line {
    pub(super) fn to_text(&self) -> String {
        text_of(self)
    }
}

/// An event. Payload and metadata are the stored texts, embedded as they are; where that would
/// not bring back every byte (a foreign writer's line breaks), as strings in `.._text`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ExportedEvent {
    pub position: i64,
    pub stream: StreamId,
    pub sequence: i64,
    pub event_type: String,
    pub event_version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_text: Option<String>,
    pub recorded_at: DateTime<Utc>,
    pub leaf: String,
}

impl ExportedEvent {
    pub(crate) fn of(event: &RecordedEvent) -> Self {
        let (payload, payload_text) = embedded(&event.payload);
        let (metadata, metadata_text) = embedded(&event.metadata);
        Self {
            position: event.position,
            stream: event.stream.clone(),
            sequence: event.sequence,
            event_type: event.event_type.clone(),
            event_version: event.event_version.clone(),
            payload,
            payload_text,
            metadata,
            metadata_text,
            recorded_at: event.recorded_at,
            leaf: hex::encode(event.leaf()),
        }
    }

    pub(super) fn to_text(&self) -> String {
        text_of(self)
    }

    /// The event as it stood in the log, and its leaf as the file has it.
    pub(crate) fn into_recorded(self) -> (RecordedEvent, String) {
        let text = |raw: Option<Box<RawValue>>, text: Option<String>| {
            text.or_else(|| raw.map(|raw| raw.get().to_owned())).unwrap_or_default()
        };
        let event = RecordedEvent {
            position: self.position,
            stream: self.stream,
            sequence: self.sequence,
            event_type: self.event_type,
            event_version: self.event_version,
            payload: text(self.payload, self.payload_text),
            metadata: text(self.metadata, self.metadata_text),
            recorded_at: self.recorded_at,
        };
        (event, self.leaf)
    }
}

fn embedded(text: &str) -> (Option<Box<RawValue>>, Option<String>) {
    match RawValue::from_string(text.to_owned()) {
        Ok(raw) if raw.get() == text && !text.contains(['\n', '\r']) => (Some(raw), None),
        _ => (None, Some(text.to_owned())),
    }
}

fn text_of(line: &impl Serialize) -> String {
    let mut text = serde_json::to_string(line).expect("lines have no maps and no failing parts");
    text.push('\n');
    text
}

/// A line that is not one of an export.
#[derive(Debug, thiserror::Error)]
#[error("line {line} is not one of an export: {source}")]
pub struct LineError {
    pub line: usize,
    pub source: serde_json::Error,
}

pub(crate) enum AnyLine {
    Event(ExportedEvent),
    Other(Line),
}

pub(crate) fn read_line(number: usize, text: &str) -> Result<AnyLine, LineError> {
    let tagged = ["{\"export\":", "{\"commit\":", "{\"manifest\":"];
    let read = if tagged.iter().any(|tag| text.starts_with(tag)) {
        serde_json::from_str(text).map(AnyLine::Other)
    } else {
        serde_json::from_str(text).map(AnyLine::Event)
    };
    read.map_err(|source| LineError { line: number, source })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn event(payload: &str) -> RecordedEvent {
        RecordedEvent {
            position: 3,
            stream: StreamId::new("thing", "a"),
            sequence: 2,
            event_type: "Happened".to_owned(),
            event_version: "1.0.0".to_owned(),
            payload: payload.to_owned(),
            metadata: "{}".to_owned(),
            recorded_at: DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap(),
        }
    }

    #[test]
    fn every_stored_byte_comes_back() {
        for payload in ["{\"b\":1.0,\"a\":2}", "{ \"a\" :\t1 }", "{\n \"a\": 1\n}", " {} ", "1e3"] {
            let text = ExportedEvent::of(&event(payload)).to_text();
            assert_eq!(text.matches('\n').count(), 1, "{text}");
            let AnyLine::Event(read) = read_line(1, text.trim_end()).unwrap() else {
                panic!("not an event: {text}")
            };
            let (read, leaf) = read.into_recorded();
            assert_eq!(read, event(payload));
            assert_eq!(leaf, hex::encode(event(payload).leaf()));
        }
    }
}
