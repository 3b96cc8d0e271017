//! What comes over the stream, for those who consume it: AsyncAPI 3.0, out of the events themselves.

use std::sync::LazyLock;

use domain::EventType;
use serde_json::{Map, Value, json};

use super::BusOptions;
use super::message::{self, DATA_VERSION, SOURCE, TYPE};

const ABOUT: &str = "\
Every event of the log, in order. The stream's sequence is the event's position in the log, dense \
from 1; the stream may begin later, and holds the last seven days at most: what is older, and what \
a consumer has missed, is read over HTTP (/api/v1/audit/export). Keep the position of the last \
event you have handled and ask for the one after it. Headers are CloudEvents 1.0 in binary mode, \
their values percent-encoded; the body is the stored payload byte for byte. Personal values are \
sealed and stay so. Events of a log that was adopted have types of their own, which are not \
described here.";

/// The document, made once.
pub fn asyncapi() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(document);
    &DOCUMENT
}

fn document() -> Value {
    let options = BusOptions::default();
    let prefix = message::prefix(&options.stream);
    let wire = domain::wire("/components/schemas");
    let mut schemas = wire.definitions;
    schemas.insert("CloudEvent".to_owned(), message::headers_schema());
    let (mut channels, mut operations, mut messages) = (Map::new(), Map::new(), Map::new());
    for event in &wire.events {
        let EventType { aggregate_type, name, version, .. } = event;
        let channel = format!("{aggregate_type}.{name}");
        let message = format!("{channel}-{version}");
        let described = channels.entry(&channel).or_insert_with(|| {
            json!({
                "address": message::subject_of(&prefix, aggregate_type, name),
                "title": format!("{name} of {aggregate_type} streams"),
                "messages": {},
            })
        });
        let reference = json!({ "$ref": format!("#/components/messages/{message}") });
        described["messages"][format!("{name}-{version}")] = reference;
        operations.entry(&channel).or_insert_with(|| {
            json!({
                "action": "send",
                "channel": { "$ref": format!("#/channels/{channel}") },
                "summary": format!("Says that {name} has happened"),
            })
        });
        messages.insert(message, described_message(&prefix, event));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Daybook events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!("JetStream stream {}. {ABOUT}", options.stream),
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas },
    })
}

fn described_message(prefix: &str, event: &EventType) -> Value {
    let EventType { aggregate_type, name, version, current, payload } = event;
    let mut message = json!({
        "name": name,
        "title": format!("{name} {version}"),
        "contentType": "application/json",
        "tags": [{ "name": aggregate_type }],
        "headers": {
            "type": "object",
            "allOf": [{ "$ref": "#/components/schemas/CloudEvent" }],
            "properties": {
                SOURCE: { "const": message::source(prefix, aggregate_type) },
                TYPE: { "const": name },
                DATA_VERSION: { "const": version },
            },
        },
        "payload": payload,
    });
    if !current {
        message["summary"] = json!(
            "Not written any more. Events that were stay as they are, here and in the log; read \
             over HTTP by anything but the audit side they are as today's."
        );
    }
    message
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use chrono::DateTime;

    use super::*;
    use crate::{RecordedEvent, StreamId};

    #[test]
    fn every_reference_leads_somewhere() {
        let text = asyncapi().to_string();
        let mut found = 0;
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(asyncapi().pointer(pointer).is_some(), "{pointer}");
            found += 1;
        }
        assert!(found > 200, "only {found} references");
    }

    #[test]
    fn each_version_of_an_event_is_a_message_of_its_subject() {
        let channel = &asyncapi()["channels"]["book.BookAdded"];
        assert_eq!(channel["address"], "daybook.events.book.BookAdded");
        let versions: Vec<&String> = channel["messages"].as_object().unwrap().keys().collect();
        assert_eq!(versions, ["BookAdded-1.0.0", "BookAdded-1.1.0"]);
        let operation = &asyncapi()["operations"]["book.BookAdded"];
        assert_eq!(operation["channel"]["$ref"], "#/channels/book.BookAdded");
    }

    #[test]
    fn the_headers_of_a_message_are_those_described() {
        let event = RecordedEvent {
            position: 7,
            stream: StreamId::new("rating", "r:book:b"),
            sequence: 1,
            event_type: "ItemRated".into(),
            event_version: "1.0.0".into(),
            payload: "{}".into(),
            metadata: r#"{"actor":"Ada Lovelace"}"#.into(),
            recorded_at: DateTime::UNIX_EPOCH,
        };
        let mut headers = message::headers("daybook", &event);
        let mut schema = asyncapi()["components"]["messages"]["rating.ItemRated-1.0.0"].clone();
        schema = schema["headers"].take();
        schema["components"] = asyncapi()["components"].clone();
        schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
        let validator = jsonschema::validator_for(&schema).unwrap();
        let sent = |headers: &async_nats::HeaderMap| -> Value {
            let each = headers.iter().map(|(name, values)| (name.to_string(), values[0].as_str()));
            each.map(|(name, value)| (name, json!(value))).collect()
        };
        for _ in 0..2 {
            let sent = sent(&headers);
            let errors: Vec<_> = validator.iter_errors(&sent).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?} in {sent}");
            message::omit_body(&mut headers);
        }
        let described = &asyncapi()["components"]["schemas"]["CloudEvent"]["properties"];
        for name in sent(&headers).as_object().unwrap().keys() {
            assert!(described[name].is_object(), "{name} is not described");
        }
    }
}
