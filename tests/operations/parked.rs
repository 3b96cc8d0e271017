//! Events that will not go into a read model: seen, tried again, given up.

use serde_json::{Value, json};

use super::broken::{Backdoor, as_json, run};
use crate::system::{Answer, Client, Program, System, eventually};

fn of<'a>(groups: &'a Answer, projection: &str) -> Vec<&'a Value> {
    let items = groups["items"].as_array().unwrap().iter();
    items.filter(|group| group["projection"] == projection).collect()
}

async fn by_whom(auditor: &Client, event_type: &str) -> Value {
    let path = format!("audit/events?type={event_type}&limit=1");
    let there = |page: &Answer| page.body["items"].as_array().is_some_and(|it| !it.is_empty());
    let page = eventually(|| auditor.get(&path), there).await;
    page["items"][0]["metadata"]["actor"].clone()
}

#[tokio::test]
async fn what_failed_alike_is_tried_again_after_the_repair_and_the_rest_given_up() {
    let start = || Program::up("operations_parked", &["--ephemeral"]);
    let mut program = tokio::task::spawn_blocking(start).await.unwrap();
    let system = System::of(&program).await;
    let (operator, auditor) = (system.operator(), system.auditor().await);
    let book = system.add_book(json!({ "title": "Emma", "authors": ["Jane Austen"] })).await;
    let sound = system.bob().await;
    sound.rate(book, 9).await.accepted();
    let pattern = auditor.get(format!("audit/streams/rating/{}:book:{book}", sound.id)).await.ok();
    let pattern = pattern["items"][0]["payload"].to_string();
    let backdoor = Backdoor::of(&program).await;
    let mut readers = Vec::new();
    for _ in 0..3 {
        let reader = system.ada().await.id;
        backdoor.break_stream("rating", &format!("{reader}:book:{book}"), "ItemRated").await;
        readers.push(reader);
    }

    let all = "operations/parked/groups?limit=200";
    let three =
        |groups: &Answer, name: &str| of(groups, name).iter().any(|group| group["events"] == 3);
    let holds = |groups: &Answer| three(groups, "item_ratings") && three(groups, "activity");
    let groups = eventually(|| operator.get(all), holds).await;
    let [group] = of(&groups, "item_ratings")[..] else { panic!("{groups}") };
    let list = operator.get("operations/parked?projection=item_ratings").await.ok();
    let one = operator.get(format!("operations/parked/{}", list["items"][0]["id"])).await.ok();
    assert_eq!(one["event"]["payload"], json!({ "type": "ItemRated" }), "{one}");

    for reader in &readers[..2] {
        let payload = pattern.replace(&sound.id.to_string(), &reader.to_string());
        let payload: Value = serde_json::from_str(&payload).unwrap();
        backdoor.mend("rating", &format!("{reader}:book:{book}"), &payload).await;
    }
    let action = |action: &str| format!("operations/projections/item_ratings/{action}");
    let body = json!({ "group": group["group"], "events": 10 });
    let retried = operator.post(action("retry"), body).await.accepted();
    assert_eq!(retried.body["events"], 3, "{}", retried.body);
    let ratings = format!("books/{book}/ratings");
    eventually(|| system.get(&ratings), |ratings| ratings["count"] == 3).await;
    let one_left = |groups: &Answer| of(groups, "item_ratings")[0]["events"] == 1;
    eventually(|| operator.get(all), one_left).await;

    let body = json!({ "group": group["group"], "events": 10, "reason": "an importer's mistake" });
    let discarded = operator.post(action("discard"), body).await.accepted();
    assert_eq!(discarded.body["events"], 1, "{}", discarded.body);
    eventually(|| operator.get(all), |groups| of(groups, "item_ratings").is_empty()).await;

    let asked = operator.post(action("verify"), json!({})).await;
    assert_eq!(asked.status.as_u16(), 202, "{asked}");
    let location = asked.header("location").to_owned();
    let report = eventually(|| operator.get(&location), |one| one["state"] == "done").await;
    let report = &report["report"];
    assert_eq!((&report["equal"], &report["left_out"]), (&json!(true), &json!(1)), "{report}");

    for event_type in
        ["ParkedGroupRetried", "ParkedGroupDiscarded", "ProjectionVerificationRequested"]
    {
        assert_eq!(by_whom(&auditor, event_type).await, json!(operator.id), "{event_type}");
    }
    by_the_machine(&program, operator, &auditor).await;
    program.child.kill().unwrap();
}

/// What another projection could not apply, looked after on the command line.
async fn by_the_machine(program: &Program, operator: &Client, auditor: &Client) {
    let groups = as_json(program, &["parked", "groups", "--projection", "activity"]);
    let group = groups[0]["group"].as_str().unwrap();
    let of_group = ["--projection", "activity", "--group", group];
    let retried = as_json(program, &[&["parked", "retry"][..], &of_group].concat());
    assert_eq!(retried["events"], 3);
    let list = "operations/parked?projection=activity";
    let one_left = |page: &Answer| page["items"].as_array().unwrap().len() == 1;
    let left = eventually(|| operator.get(list), one_left).await;
    let id = left["items"][0]["id"].to_string();
    let (status, table) = run(program, &["parked", "list", "--projection", "activity"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!((status, lines.len()), (Some(0), 2), "{table}");
    assert!(lines[0].trim_start().starts_with("id  projection") && lines[1].contains(&id));
    let shown = as_json(program, &["parked", "show", &id]);
    assert_eq!(shown["event"]["payload"], json!({ "type": "ItemRated" }), "{shown}");

    let given_up = run(program, &["parked", "discard", &id, "--reason", "nobody's rating"]);
    assert_eq!(given_up, (Some(0), "1 given up.\n".to_owned()));
    eventually(|| operator.get(list), |page| page["items"] == json!([])).await;
    assert_eq!(by_whom(auditor, "ParkedEventDiscarded").await, json!("machine"));
    assert_eq!(run(program, &["parked", "retry", "999999"]).0, Some(1));
    for wrong in [
        &["parked", "retry"][..],
        &["parked", "retry", "1", "--projection", "books"],
        &["parked", "retry", "--projection", "books", "--up-to", "0"],
        &["parked", "discard", "1"],
        &["parked", "discard", "--projection", "books", "--reason", "x"],
        &["parked", "discard", "1", "--reason", " "],
    ] {
        assert_eq!(run(program, wrong).0, Some(2), "{wrong:?}");
    }

    let paused = run(program, &["projections", "pause", "books", "stock"]);
    assert_eq!(paused, (Some(0), "books is paused.\nstock is paused.\n".to_owned()));
    let is_paused = |list: &Answer| {
        let items = list["items"].as_array().unwrap().iter();
        items.filter(|item| item["paused"] == true).count() == 2
    };
    eventually(|| operator.get("operations/projections"), is_paused).await;
    assert_eq!(by_whom(auditor, "ProjectionPaused").await, json!("machine"));
    assert_eq!(run(program, &["projections", "resume", "books", "stock"]).0, Some(0));
}
