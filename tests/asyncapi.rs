//! What /asyncapi.json says of the events is true of every event there is.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::system::{Answer, Program, System, daybook, eventually};

/// Events that no demo has, by the beginning of their names: what somebody has to ask for in the
/// right moment, or what goes wrong.
const NOT_SHOWN: [&str; 15] = [
    "account.ApiKey",
    "account.Password",
    "account.RefreshReuse",
    "course.PublicationFailed",
    "export.",
    "file.FileRe",
    "fulfilment.Payment",
    "model.",
    "notification.",
    "operators.",
    "order.OrderLinesPlaced",
    "process.",
    "projection.",
    "publication.",
    "weekly.",
];

/// `book.BookAdded` of `book.BookAdded-1.0.0`.
fn kind_of(message: &str) -> &str {
    message.rsplit_once('-').unwrap().0
}

/// What judges the payload of each message.
fn validators(document: &Value) -> BTreeMap<String, Validator> {
    let messages = document["components"]["messages"].as_object().unwrap();
    let validators = messages.iter().map(|(name, message)| {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "allOf": [message["payload"]],
            "components": document["components"],
        });
        (name.clone(), jsonschema::validator_for(&schema).unwrap())
    });
    validators.collect()
}

fn events(export: &Answer) -> Vec<Value> {
    let lines = export.body.as_str().unwrap().lines();
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["event_type"].is_string()).collect()
}

#[tokio::test]
async fn every_event_of_a_log_is_as_described_and_the_demo_has_most_kinds() {
    let start = || Program::up("asyncapi", &["--ephemeral", "--demo"]);
    let mut program = tokio::task::spawn_blocking(start).await.unwrap();
    let system = System::of(&program).await;
    let auditor = system.auditor().await;
    let eve = system.member("Eve").await;
    let changes = json!({ "phone": "+442071234567", "language": "en", "channels": ["sms"] });
    eve.patch("accounts/me", changes).await.accepted();
    eve.patch("accounts/me", json!({ "phone": null })).await.accepted();
    let erased = eve.delete("accounts/me").await;
    assert_eq!(erased.status.as_u16(), 202, "{erased}");

    let document = system.get("/asyncapi.json").await.ok();
    assert_eq!(document["asyncapi"], "3.0.0");
    let validators = validators(&document.body);
    // What follows from the last commands of the demo is done by a process, some time later.
    let is_shipped = |answer: &Answer| answer["items"] != json!([]);
    eventually(|| auditor.get("audit/events?type=FulfilmentShipped&limit=1"), is_shipped).await;
    let export = auditor.get("audit/export").await.ok();
    let mut seen = BTreeSet::new();
    for event in events(&export) {
        let text = |name: &str| event[name].as_str().unwrap();
        let kind = event["stream"]["type"].as_str().unwrap();
        let message = format!("{kind}.{}-{}", text("event_type"), text("event_version"));
        let validator = validators.get(&message);
        let validator = validator.unwrap_or_else(|| panic!("{message} is not described"));
        let payload = &event["payload"];
        let errors: Vec<_> = validator.iter_errors(payload).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{message}: {errors:?} in {payload}");
        seen.insert(message);
    }
    let kinds: BTreeSet<&str> = seen.iter().map(|message| kind_of(message)).collect();
    let missing: Vec<&str> = validators
        .keys()
        .map(|message| kind_of(message))
        .filter(|kind| !kinds.contains(kind) && !NOT_SHOWN.iter().any(|not| kind.starts_with(not)))
        .collect();
    assert!(missing.is_empty(), "the demo shows no {missing:?}");
    program.child.kill().unwrap();
}

#[tokio::test]
async fn the_document_is_the_same_without_a_running_system() {
    let served = System::start().await.get("/asyncapi.json").await.ok();

    let printed = daybook().arg("asyncapi").output().unwrap();

    assert!(printed.status.success());
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(printed, served.body);
    for (id, channel) in printed["channels"].as_object().unwrap() {
        let address = channel["address"].as_str().unwrap();
        assert_eq!(address, format!("daybook.events.{id}"));
    }
}
