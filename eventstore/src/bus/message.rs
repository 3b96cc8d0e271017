//! An event as a NATS message: CloudEvents in binary mode, complete enough to rebuild the event.
//!
//! | header | holds |
//! |---|---|
//! | `ce-id` | position |
//! | `ce-source` | `/<stream name>/<aggregate type>` |
//! | `ce-subject` | aggregate id |
//! | `ce-type`, `ce-dataversion` | event type and version |
//! | `ce-sequence` | place in the stream of its aggregate |
//! | `ce-time` | when it was recorded, in microseconds |
//! | `ce-metadata` | the stored metadata |
//! | `ce-leaf` | the event's leaf in the hash chain, in hex |
//!
//! The body is the stored payload byte for byte, personal values sealed. Header values are
//! percent-encoded as CloudEvents wants it, which also carries line breaks safely.

use std::borrow::Cow;

use async_nats::HeaderMap;
use chrono::{DateTime, SecondsFormat, Utc};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{RecordedEvent, StreamId};

const SPEC_VERSION: &str = "ce-specversion";
const CONTENT_TYPE: &str = "ce-datacontenttype";
const ID: &str = "ce-id";
pub(super) const SOURCE: &str = "ce-source";
const SUBJECT: &str = "ce-subject";
pub(super) const TYPE: &str = "ce-type";
pub(super) const DATA_VERSION: &str = "ce-dataversion";
const SEQUENCE: &str = "ce-sequence";
const TIME: &str = "ce-time";
const METADATA: &str = "ce-metadata";
const LEAF: &str = "ce-leaf";
/// Present where the body was too large for the server.
const BODY_OMITTED: &str = "daybook-body-omitted";

/// What CloudEvents encodes in header values; everything beyond ASCII is encoded anyway.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// A message that cannot stand for the event of its place. The log can.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    #[error("header {0} is missing or unreadable")]
    Header(&'static str),
    #[error("the body is not text")]
    Body,
    #[error("the body was too large to be published")]
    BodyOmitted,
    #[error("the message says position {0}, its place says otherwise")]
    Misplaced(i64),
    #[error("the content does not have the leaf the message says")]
    Leaf,
}

/// What the subjects of a stream begin with.
pub(super) fn prefix(stream: &str) -> String {
    stream.to_lowercase()
}

pub(super) fn subject(prefix: &str, event: &RecordedEvent) -> String {
    subject_of(prefix, &event.stream.aggregate_type, &event.event_type)
}

/// `<prefix>.events.<aggregate_type>.<event_type>`: no ids, since each distinct subject costs the
/// server memory.
pub(super) fn subject_of(prefix: &str, aggregate_type: &str, event_type: &str) -> String {
    format!("{prefix}.events.{}.{}", token(aggregate_type), token(event_type))
}

pub(super) fn source(prefix: &str, aggregate_type: &str) -> String {
    encoded(&format!("/{prefix}/{aggregate_type}"))
}

/// Every subject of the stream.
pub(super) fn subjects(prefix: &str) -> String {
    format!("{prefix}.events.>")
}

/// Names of an adopted log may hold what a subject cannot; the exact ones are in the headers.
fn token(name: &str) -> Cow<'_, str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() {
        Cow::Borrowed("_")
    } else if name.chars().all(allowed) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(name.chars().map(|c| if allowed(c) { c } else { '_' }).collect())
    }
}

pub(super) fn headers(prefix: &str, event: &RecordedEvent) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(SPEC_VERSION, "1.0");
    headers.insert(CONTENT_TYPE, "application/json");
    headers.insert(ID, event.position.to_string());
    headers.insert(SOURCE, source(prefix, &event.stream.aggregate_type));
    headers.insert(SUBJECT, encoded(&event.stream.aggregate_id));
    headers.insert(TYPE, encoded(&event.event_type));
    headers.insert(DATA_VERSION, encoded(&event.event_version));
    headers.insert(SEQUENCE, event.sequence.to_string());
    headers.insert(TIME, event.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true));
    headers.insert(METADATA, encoded(&event.metadata));
    headers.insert(LEAF, hex::encode(event.leaf()));
    headers
}

/// JSON Schema of the headers that all messages have. A client's own, such as those by which NATS
/// knows what to do, may stand beside them.
pub(super) fn headers_schema() -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    let number =
        |about: &str| json!({ "type": "string", "pattern": "^[1-9][0-9]*$", "description": about });
    json!({
        "type": "object",
        "description": "CloudEvents 1.0 in binary mode; values are percent-encoded.",
        "properties": {
            SPEC_VERSION: { "const": "1.0" },
            CONTENT_TYPE: { "const": "application/json" },
            ID: number("Position in the log, dense from 1: also the stream's sequence"),
            SOURCE: text("/<stream>/<type of aggregate>"),
            SUBJECT: text("Id of the aggregate"),
            TYPE: text("Type of event"),
            DATA_VERSION: text("Version of the type, by which the payload's schema is chosen"),
            SEQUENCE: number("Place among the events of its aggregate, dense from 1"),
            TIME: {
                "type": "string", "format": "date-time",
                "description": "When it was recorded; never goes back as positions grow",
            },
            METADATA: text("JSON, an object of strings: actor, command_id, correlation_id and more"),
            LEAF: {
                "type": "string", "pattern": "^[0-9a-f]{64}$",
                "description": "The event's leaf in the hash chain, in hex",
            },
            BODY_OMITTED: {
                "const": "1",
                "description": "The body and the metadata were too large for the server: read the \
                    event from the log. Absent otherwise",
            },
        },
        "required": [
            SPEC_VERSION, CONTENT_TYPE, ID, SOURCE, SUBJECT, TYPE, DATA_VERSION, SEQUENCE, TIME,
            METADATA, LEAF,
        ],
    })
}

/// What a message takes besides its body, with room for what the client adds.
pub(super) fn size(headers: &HeaderMap) -> usize {
    let values = headers.iter().flat_map(|(name, values)| values.iter().map(move |v| (name, v)));
    values
        .map(|(name, value)| AsRef::<str>::as_ref(name).len() + value.as_str().len() + 4)
        .sum::<usize>()
        + 100
}

/// Leaves of a message that is too large its place, its leaf and the word where to look.
pub(super) fn omit_body(headers: &mut HeaderMap) {
    headers.insert(METADATA, "{}");
    headers.insert(BODY_OMITTED, "1");
}

/// The event at a place of the stream, if the message there is whole and in its place.
pub(crate) fn decode(
    place: i64,
    headers: Option<&HeaderMap>,
    body: &[u8],
) -> Result<RecordedEvent, MessageError> {
    let headers = headers.ok_or(MessageError::Header(ID))?;
    if headers.get(BODY_OMITTED).is_some() {
        return Err(MessageError::BodyOmitted);
    }
    let position = number(headers, ID)?;
    if position != place {
        return Err(MessageError::Misplaced(position));
    }
    let source = text(headers, SOURCE)?;
    let aggregate_type =
        source.splitn(3, '/').nth(2).ok_or(MessageError::Header(SOURCE))?.to_owned();
    let event = RecordedEvent {
        position,
        stream: StreamId { aggregate_type, aggregate_id: text(headers, SUBJECT)? },
        sequence: number(headers, SEQUENCE)?,
        event_type: text(headers, TYPE)?,
        event_version: text(headers, DATA_VERSION)?,
        payload: std::str::from_utf8(body).map_err(|_| MessageError::Body)?.to_owned(),
        metadata: text(headers, METADATA)?,
        recorded_at: time(headers)?,
    };
    if leaf(headers) != Some(hex::encode(event.leaf()).as_str()) {
        return Err(MessageError::Leaf);
    }
    Ok(event)
}

/// The leaf a message says it has, in hex.
pub(super) fn leaf(headers: &HeaderMap) -> Option<&str> {
    headers.get(LEAF).map(|value| value.as_str())
}

fn encoded(value: &str) -> String {
    utf8_percent_encode(value, ENCODED).to_string()
}

fn text(headers: &HeaderMap, name: &'static str) -> Result<String, MessageError> {
    let value = headers.get(name).ok_or(MessageError::Header(name))?;
    let decoded = percent_decode_str(value.as_str()).decode_utf8();
    Ok(decoded.map_err(|_| MessageError::Header(name))?.into_owned())
}

fn number(headers: &HeaderMap, name: &'static str) -> Result<i64, MessageError> {
    let value = headers.get(name).ok_or(MessageError::Header(name))?;
    value.as_str().parse().map_err(|_| MessageError::Header(name))
}

fn time(headers: &HeaderMap) -> Result<DateTime<Utc>, MessageError> {
    let value = headers.get(TIME).ok_or(MessageError::Header(TIME))?;
    let time = DateTime::parse_from_rfc3339(value.as_str());
    Ok(time.map_err(|_| MessageError::Header(TIME))?.to_utc())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    fn any_event() -> impl Strategy<Value = RecordedEvent> {
        (
            1..i64::MAX,
            "\\PC{1,12}",
            "\\PC{0,20}",
            1..i64::MAX,
            "[A-Z .*>]{1,9}",
            any::<String>(),
            any::<String>(),
            0..4_000_000_000_000_000_i64,
        )
            .prop_map(
                |(position, kind, id, sequence, event_type, payload, metadata, micros)| {
                    RecordedEvent {
                        position,
                        stream: StreamId::new(kind, id),
                        sequence,
                        event_type,
                        event_version: "1.0.0".into(),
                        payload,
                        metadata,
                        recorded_at: DateTime::from_timestamp_micros(micros).unwrap(),
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn a_message_rebuilds_its_event_exactly(event in any_event()) {
            let headers = headers("daybook", &event);
            let rebuilt = decode(event.position, Some(&headers), event.payload.as_bytes()).unwrap();
            prop_assert_eq!(rebuilt, event);
        }

        #[test]
        fn a_subject_has_four_plain_tokens(event in any_event()) {
            let subject = subject("daybook", &event);
            prop_assert_eq!(subject.split('.').count(), 4);
            prop_assert!(!subject.contains([' ', '*', '>', '\r', '\n', '\t']));
        }
    }

    #[test]
    fn a_changed_body_is_noticed() {
        let event = RecordedEvent {
            position: 7,
            stream: StreamId::new("rating", "r:book:b"),
            sequence: 1,
            event_type: "ItemRated".into(),
            event_version: "1.0.0".into(),
            payload: r#"{"score": 7}"#.into(),
            metadata: "{}".into(),
            recorded_at: DateTime::UNIX_EPOCH,
        };
        let headers = headers("daybook", &event);
        assert!(matches!(decode(7, Some(&headers), br#"{"score": 8}"#), Err(MessageError::Leaf)));
        assert!(matches!(
            decode(8, Some(&headers), event.payload.as_bytes()),
            Err(MessageError::Misplaced(7))
        ));
    }
}
