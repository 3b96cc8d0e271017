//! Looking after the read models. These tests pause and rebuild, so they have a system of their own.

mod broken;
mod parked;
mod process;

use serde_json::{Value, json};

use crate::system::{Answer, Program, System, eventually};

fn find<'a>(list: &'a Answer, name: &str, state: &str) -> Option<&'a Value> {
    let items = list["items"].as_array().unwrap();
    items.iter().find(|item| item["name"] == name && item["state"] == state)
}

#[tokio::test]
async fn operators_see_rebuild_pause_and_resume_what_fills_the_read_models() {
    let start = || Program::up("operations", &["--ephemeral"]);
    let mut program = tokio::task::spawn_blocking(start).await.unwrap();
    let system = System::of(&program).await;
    let (operator, auditor) = (system.operator(), system.auditor().await);
    let ada = system.ada().await;
    let book = system.add_book(json!({ "title": "Emma", "authors": ["Jane Austen"] })).await;
    let rated = ada.rate(book, 9).await.accepted();
    let ratings = format!("books/{book}/ratings");
    let before = system.get(&ratings).after(&rated).await.ok();

    let list = operator.get("operations/projections").await.ok();
    let live = find(&list, "item_ratings", "live").unwrap_or_else(|| panic!("{list}"));
    assert_eq!((&live["parked"], &live["paused"]), (&json!(0), &json!(false)), "{live}");
    let build = live["build"].as_i64().unwrap();

    let rebuild = operator.post("operations/projections/item_ratings/rebuild", json!({})).await;
    assert_eq!(rebuild.status.as_u16(), 202, "{rebuild}");
    let location = rebuild.header("location").to_owned();
    let rebuilt = rebuild.accepted();
    let is_new = |list: &Answer| {
        find(list, "item_ratings", "live").is_some_and(|live| live["build"].as_i64() > Some(build))
    };
    eventually(|| operator.get(&location), is_new).await;
    let after = system.get(&ratings).after(&rebuilt).await.ok();
    assert_eq!(after.body, before.body);
    let event = format!("audit/events?after={}&limit=1", rebuilt.position - 1);
    let event = auditor.get(event).after(&rebuilt).await.ok();
    let event = &event["items"][0];
    assert_eq!(event["event_type"], "ProjectionRebuildRequested", "{event}");
    assert_eq!(event["metadata"]["actor"], operator.id.to_string(), "{event}");

    operator.post("operations/projections/item_ratings/pause", json!({})).await.accepted();
    let is_paused = |list: &Answer| {
        find(list, "item_ratings", "live").is_some_and(|live| live["paused"] == true)
    };
    eventually(|| operator.get("operations/projections"), is_paused).await;
    // What was in hand may still be applied; after that nothing is.
    let mut last = ada.rate(book, 2).await.accepted();
    let behind = loop {
        let answer = system.get(&ratings).header("consistency-token", last.position).await;
        if !answer.status.is_success() {
            break answer;
        }
        let score = if last.sequence % 2 == 0 { 3 } else { 2 };
        last = ada.rate(book, score).await.accepted();
    };
    assert!(behind.headers.contains_key("retry-after"), "{behind}");
    let problem = behind.refused(503, "projection-behind");
    assert!(problem["lag_events"].as_i64().unwrap() > 0, "{problem}");

    operator.post("operations/projections/item_ratings/resume", json!({})).await.accepted();
    let caught_up = || system.get(&ratings).after(&last);
    eventually(caught_up, |answer| answer.status.is_success()).await;
    program.child.kill().unwrap();
}

#[tokio::test]
async fn nothing_is_parked_where_nothing_went_wrong() {
    let system = System::start().await;

    let parked = system.operator().get("operations/parked").await.ok();

    assert_eq!((&parked["items"], &parked["next"]), (&json!([]), &Value::Null), "{parked}");
    let retry = system.operator().post("operations/parked/999999/retry", json!({})).await;
    retry.refused(404, "parked-unknown");
}

#[tokio::test]
async fn only_operators_operate() {
    let system = System::start().await;
    let (ada, auditor) = (system.ada().await, system.auditor().await);
    for path in [
        "operations/projections",
        "operations/projections/item_ratings/verifications",
        "operations/parked",
        "operations/parked/groups",
        "operations/processes",
        "operations/processes/fulfilment/instances",
    ] {
        ada.get(path).await.refused(403, "forbidden");
        auditor.get(path).await.refused(403, "forbidden");
        system.get(path).await.refused(401, "token-required");
    }
    for action in ["rebuild", "verify", "pause", "resume"] {
        let path = format!("operations/projections/item_ratings/{action}");
        ada.post(&path, json!({})).await.refused(403, "forbidden");
        let nothing = format!("operations/projections/nothing/{action}");
        let answer = system.operator().post(nothing, json!({})).await;
        answer.refused(404, "projection-unknown");
    }
}
