//! What the schemas say, held against every sample event and every old fixture.

use std::collections::BTreeSet;

use cqrs_es::{Aggregate, DomainEvent};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Wire, account::Account, book::Book, cart::Cart, comment::Comment, conversation::Conversation,
    course::Course, dismissal::Dismissal, enrollment::Enrollment, export::PersonalExport,
    file::Files, follow::Follow, fulfilment::Fulfilment, like::Like, loan::CopySet, model::Model,
    notification::Notification, operators::Operators, order::Order, process::Process,
    product::Product, projection::Projection, publication::Publication, rating::Rating,
    shelf::Shelf, stock::Stock, upcasters, weekly::Weekly, wire,
};

/// A stream type, an event of it, and its payload as it is written.
type Written = (&'static str, String, String, Value);

fn written<A: Aggregate<Event: Serialize>>(events: Vec<A::Event>) -> Vec<Written> {
    let written = events.into_iter().map(|event| {
        let payload = serde_json::to_value(&event).expect("events serialize");
        (A::TYPE, event.event_type(), event.event_version(), payload)
    });
    written.collect()
}

fn samples() -> Vec<Written> {
    [
        written::<Account>(crate::account::samples::events()),
        written::<Book>(crate::book::samples::events()),
        written::<Cart>(crate::cart::samples::events()),
        written::<Comment>(crate::comment::samples::events()),
        written::<Conversation>(crate::conversation::samples::events()),
        written::<Course>(crate::course::samples::events()),
        written::<Dismissal>(crate::dismissal::samples::events()),
        written::<Enrollment>(crate::enrollment::samples::events()),
        written::<Files>(crate::file::samples::events()),
        written::<PersonalExport>(crate::export::samples::events()),
        written::<Follow>(crate::follow::samples::events()),
        written::<Fulfilment>(crate::fulfilment::samples::events()),
        written::<Like>(crate::like::samples::events()),
        written::<CopySet>(crate::loan::samples::events()),
        written::<Model>(crate::model::samples::events()),
        written::<Notification>(crate::notification::samples::events()),
        written::<Operators>(crate::operators::samples::events()),
        written::<Order>(crate::order::samples::events()),
        written::<Process>(crate::process::samples::events()),
        written::<Product>(crate::product::samples::events()),
        written::<Projection>(crate::projection::samples::events()),
        written::<Publication>(crate::publication::samples::events()),
        written::<Rating>(crate::rating::samples::events()),
        written::<Shelf>(crate::shelf::samples::events()),
        written::<Stock>(crate::stock::samples::events()),
        written::<Weekly>(crate::weekly::samples::events()),
    ]
    .concat()
}

/// The schema of one event, which then allows no field that it does not name.
fn strict(wire: &Wire, payload: &Value) -> jsonschema::Validator {
    let mut schema = json!({ "allOf": [payload], "definitions": wire.definitions });
    close(&mut schema);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    jsonschema::validator_for(&schema).expect("it is a JSON Schema")
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.values_mut().for_each(close);
            if object.get("properties").is_some_and(Value::is_object) {
                object.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// What becomes of personal values on their way into the log.
fn stored(payload: &Value, condition: &str) -> Value {
    match payload {
        Value::Object(object) => match (object.get("personal"), condition) {
            (Some(known), "sealed") => {
                json!({ "sealed": { "subject": known["subject"], "box": "c2VhbGVk" } })
            }
            (Some(known), _) => json!({ "erased": { "subject": known["subject"] } }),
            (None, _) => {
                let stored = |(name, field): (&String, &Value)| {
                    (name.clone(), self::stored(field, condition))
                };
                Value::Object(object.iter().map(stored).collect())
            }
        },
        Value::Array(items) => items.iter().map(|item| stored(item, condition)).collect(),
        other => other.clone(),
    }
}

fn described() -> Wire {
    wire("/definitions")
}

#[test]
fn every_event_is_as_its_schema_says() {
    let wire = described();
    let mut shown = BTreeSet::new();
    for (aggregate_type, name, version, payload) in samples() {
        let described = wire.events.iter().find(|event| {
            (event.aggregate_type, event.name, event.version) == (aggregate_type, &name, &version)
        });
        let described = described.unwrap_or_else(|| panic!("{aggregate_type} {name} {version}"));
        assert!(described.current);
        let validator = strict(&wire, &described.payload);
        for condition in ["sealed", "erased"] {
            let stored = stored(&payload, condition);
            let errors: Vec<_> = validator.iter_errors(&stored).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{name}: {errors:?} in {stored}");
        }
        let is_personal = payload.to_string().contains("\"personal\"");
        assert_eq!(validator.is_valid(&payload), !is_personal, "nothing is stored unsealed");
        shown.insert((aggregate_type, name));
    }
    let all = wire.events.iter().filter(|event| event.current);
    let all = all.map(|event| (event.aggregate_type, event.name.to_owned())).collect();
    assert_eq!(shown, all, "an event without a sample");
}

#[test]
fn a_field_that_is_missing_or_of_another_kind_is_noticed() {
    let wire = described();
    for (aggregate_type, name, _, payload) in samples() {
        let described = wire.events.iter().find(|event| {
            event.aggregate_type == aggregate_type && event.name == name && event.current
        });
        let validator = strict(&wire, &described.expect("it is described").payload);
        let stored = stored(&payload, "sealed");
        for field in stored.as_object().expect("events are objects").keys() {
            let mut wrong = stored.clone();
            wrong[field] = json!([[]]);
            assert!(!validator.is_valid(&wrong), "{name} with a wrong {field}");
        }
        let mut untimely = stored.clone();
        untimely.as_object_mut().expect("events are objects").remove("at");
        assert!(!validator.is_valid(&untimely), "{name} without a time");
    }
}

#[test]
fn old_versions_have_the_shape_they_had() {
    let wire = described();
    for fixture in [
        include_str!("../fixtures/BookAdded-1.0.0.json"),
        include_str!("../fixtures/BookAdded-1.0.0-kids.json"),
        include_str!("../fixtures/BookRevised-1.0.0.json"),
        include_str!("../fixtures/ModelTrained-1.0.0.json"),
        include_str!("../fixtures/ModelRejected-1.0.0.json"),
    ] {
        let old: Value = serde_json::from_str(fixture).expect("fixtures are JSON");
        let of_version = |version: &str| {
            let described = wire
                .events
                .iter()
                .find(|event| old["type"] == event.name && event.version == version);
            strict(&wire, &described.expect("every version is described").payload)
        };
        let errors: Vec<_> =
            of_version("1.0.0").iter_errors(&old).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?} in {old}");
        assert!(!of_version("1.1.0").is_valid(&old), "{old}");
    }
    for fixture in [
        include_str!("../fixtures/OrderRejected-1.0.0.json"),
        include_str!("../fixtures/FulfilmentRejecting-1.0.0.json"),
    ] {
        let old: Value = serde_json::from_str(fixture).expect("fixtures are JSON");
        let mut new = old.clone();
        new["reason"] = json!({ "code": "payment-declined" });
        for event in wire.events.iter().filter(|event| old["type"] == event.name) {
            let validator = strict(&wire, &event.payload);
            assert!(validator.is_valid(&old), "{} of {old}", event.version);
            assert_eq!(validator.is_valid(&new), event.current, "{} of {new}", event.version);
        }
    }
    for upcaster in upcasters() {
        assert!(wire.events.iter().any(|event| {
            (event.name, event.version) == (upcaster.event_type, upcaster.from_version)
                && !event.current
        }));
    }
}

#[test]
fn messages_of_new_kinds_are_none_of_an_old_version() {
    let wire = described();
    let notified: Value =
        serde_json::from_str(include_str!("../fixtures/NotificationRequested-1.0.0.json"))
            .expect("fixtures are JSON");
    let asked_for: Value =
        serde_json::from_str(include_str!("../fixtures/NotificationRequested-1.1.0.json"))
            .expect("fixtures are JSON");
    let mut warned = notified.clone();
    warned["message"] = json!({ "kind": "email_changed" });
    let valid = |version: &str, event: &Value| {
        let is = |e: &&crate::EventType| (e.name, e.version) == ("NotificationRequested", version);
        let described = wire.events.iter().find(is).expect("every version is described");
        strict(&wire, &described.payload).is_valid(event)
    };
    assert!(valid("1.0.0", &notified) && valid("1.1.0", &notified));
    assert!(!valid("1.0.0", &asked_for) && valid("1.1.0", &asked_for));
    assert!(!valid("1.1.0", &warned) && valid("1.2.0", &warned));
}

#[test]
fn types_with_one_name_in_two_slices_have_names_of_their_own_here() {
    for name in described().definitions.keys() {
        assert!(!name.ends_with(|c: char| c.is_ascii_digit()), "{name}: rename it for schemars");
    }
}

#[test]
fn files_and_vectors_are_none_of_a_publication_of_before() {
    let wire = described();
    let extracted: Value =
        serde_json::from_str(include_str!("../fixtures/PublicationStepCompleted-1.0.0.json"))
            .expect("fixtures are JSON");
    let (mut with_files, mut embedded) = (extracted.clone(), extracted.clone());
    with_files["outcome"]["files"] = json!(1);
    embedded["outcome"] = json!({ "kind": "embedded", "passages": 4, "embedded": 4 });
    let valid = |version: &str, event: &Value| {
        let is =
            |e: &&crate::EventType| (e.name, e.version) == ("PublicationStepCompleted", version);
        let described = wire.events.iter().find(is).expect("every version is described");
        strict(&wire, &described.payload).is_valid(event)
    };
    assert!(valid("1.0.0", &extracted) && valid("1.1.0", &extracted));
    for new in [with_files, embedded] {
        assert!(!valid("1.0.0", &new) && valid("1.1.0", &new), "{new}");
    }
}
