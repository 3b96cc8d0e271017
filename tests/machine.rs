//! What whoever has the machine can see and do on the command line.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Client, Login, Program, System, daybook, eventually};

/// The exit code and what was said, of a command beside the running system.
fn run(words: &[&str]) -> (Option<i32>, String) {
    let mut command = daybook();
    let folder = &Program::shared().data_dir;
    let output = command.args(words).arg("--data-dir").arg(folder).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn done(words: &[&str]) -> String {
    let (status, said) = run(words);
    assert_eq!(status, Some(0), "{words:?}: {said}");
    said
}

fn as_json(words: &[&str]) -> Value {
    serde_json::from_str(&done(words)).unwrap()
}

/// Ada gave 9 and then 3; the stream of her rating.
async fn rated(system: &System) -> (Client, String) {
    let book = system.add_book(json!({ "title": "Emma", "authors": ["Jane Austen"] })).await;
    let ada = system.ada().await;
    ada.rate(book, 9).await.accepted();
    ada.rate(book, 3).await.accepted();
    let stream = format!("{}:book:{book}", ada.id);
    (ada, stream)
}

#[tokio::test]
async fn a_stream_is_replayed_as_it_was_at_any_moment() {
    let system = System::start().await;
    let (_, id) = rated(&system).await;
    let stream = format!("rating/{id}");

    let now = as_json(&["replay", "--stream", &stream, "--json"]);
    assert_eq!((&now["sequence"], &now["state"]["score"]), (&json!(2), &json!(3)), "{now}");
    assert_eq!(now["events"][0]["payload"]["score"], 9, "{now}");
    let first = as_json(&["replay", "--stream", &stream, "--json", "--sequence", "1"]);
    assert_eq!((&first["sequence"], &first["state"]["score"]), (&json!(1), &json!(9)), "{first}");
    let at = now["events"][0]["recorded_at"].as_str().unwrap();
    let then = as_json(&["replay", "--stream", &stream, "--json", "--at", at]);
    assert_eq!(then["state"], first["state"]);
    let before = done(&["replay", "--stream", &stream, "--at", "2001-01-01T00:00:00Z"]);
    assert_eq!(before, "Nothing had happened to it then.\n");

    let read = done(&["replay", "--stream", &stream]);
    let lines: Vec<&str> = read.lines().collect();
    assert!(lines[0].contains("ItemRated") && lines[0].contains(" score=9"), "{read}");
    assert!(lines[1].contains("RatingChanged") && lines[1].contains(" to=3"), "{read}");
    assert!(read.contains("\nState after event 2 (position ") && read.contains("\"score\": 3"));

    assert_eq!(run(&["replay", "--stream", &stream, "--sequence", "3"]).0, Some(1));
    assert_eq!(run(&["replay", "--stream", "rating/nobody"]).0, Some(1));
    for wrong in [
        &["replay"][..],
        &["replay", "--stream", "rating"],
        &["replay", "--stream", &stream, "--projection", "books"],
        &["replay", "--stream", &stream, "--sequence", "1", "--at", at],
        &["replay", "--projection", "books", "--reveal", "curious"],
        &["replay", "--stream", &stream, "--reveal", " "],
    ] {
        assert_eq!(run(wrong).0, Some(2), "{wrong:?}");
    }
}

#[tokio::test]
async fn personal_values_are_opened_for_a_reason_that_auditors_see() {
    let system = System::start().await;
    let (auditor, miss) = (system.auditor().await, system.member("Moneypenny").await);
    let stream = format!("account/{}", miss.id);

    let sealed = done(&["replay", "--stream", &stream]);
    assert!(sealed.contains("display_name=(sealed)"), "{sealed}");
    assert!(!sealed.contains("Moneypenny"), "{sealed}");
    let reason = format!("complaint {}", Uuid::now_v7().simple());
    let opened = done(&["replay", "--stream", &stream, "--reveal", &reason]);
    assert!(opened.contains("display_name=Moneypenny"), "{opened}");

    let reveals = auditor.get("audit/access?kind=reveal&limit=200").await.ok();
    let ours = reveals["items"].as_array().unwrap().iter();
    let ours: Vec<&Value> = ours.filter(|access| access["reason"] == reason).collect();
    assert_eq!(ours.len(), 1, "{reveals}");
    let path = format!("daybook replay --stream {stream}");
    assert_eq!((&ours[0]["path"], &ours[0]["account"]), (&json!(path), &Value::Null));
}

#[tokio::test]
async fn a_fresh_build_of_a_projection_is_compared_with_the_live_one() {
    rated(&System::start().await).await;

    let reports = as_json(&["replay", "--projection", "item_ratings", "--json"]);

    assert_eq!(
        (&reports[0]["name"], &reports[0]["equal"]),
        (&json!("item_ratings"), &json!(true)),
        "{reports}"
    );
    assert_eq!(run(&["replay", "--projection", "nothing"]).0, Some(1));
}

#[tokio::test]
async fn the_end_of_the_log_is_shown_as_far_as_it_is_wanted() {
    let system = System::start().await;
    let (ada, id) = rated(&system).await;
    let tail = |words: &[&str]| {
        let said = done(&[&["events", "tail", "--json"], words].concat());
        let events = said.lines().map(|line| serde_json::from_str(line).unwrap());
        events.collect::<Vec<Value>>()
    };
    let types = |events: &[Value]| -> Vec<String> {
        events.iter().map(|event| event["event_type"].as_str().unwrap().to_owned()).collect()
    };

    let of_stream = tail(&["--stream-type", "rating", "--stream-id", &id]);
    assert_eq!(types(&of_stream), ["ItemRated", "RatingChanged"]);
    let actor = ada.id.to_string();
    let hers = tail(&["--actor", &actor, "--since", "0", "--type", "RatingChanged"]);
    assert_eq!(hers, of_stream[1..]);
    let first = of_stream[0]["position"].to_string();
    let since = tail(&["--since", &first, "--stream-type", "rating", "--stream-id", &id]);
    assert_eq!(since, of_stream[1..]);
    assert_eq!(tail(&["--type", "NothingOfTheKind"]), Vec::<Value>::new());
    assert!(tail(&[]).len() <= 10);

    let read = done(&["events", "tail", "--actor", &actor, "--type", "ItemRated"]);
    let line = read.lines().next().unwrap();
    assert!(line.contains(&format!("rating/{id} @1  by {actor}  ")), "{read}");
    assert!(line.ends_with("score=9"), "{read}");
    assert_eq!(run(&["events", "tail", "--stream-id", &id]).0, Some(2));
    assert_eq!(run(&["events", "tail", "--since", "-1"]).0, Some(2));
}

#[tokio::test]
async fn who_follows_the_log_sees_what_comes() {
    let system = System::start().await;
    let (ada, id) = rated(&system).await;
    let mut command = daybook();
    command.args(["events", "tail", "--follow", "--json", "--stream-type", "rating"]);
    command.args(["--stream-id", &id, "--data-dir"]).arg(&Program::shared().data_dir);
    let mut following = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((&next()["sequence"], &next()["sequence"]), (&json!(1), &json!(2)));

    let book = id.rsplit(':').next().unwrap().parse().unwrap();
    let third = ada.rate(book, 10).await.accepted();

    let event = next();
    assert_eq!((&event["position"], &event["payload"]["to"]), (&json!(third.position), &json!(10)));
    following.kill().unwrap();
    following.wait().unwrap();
}

#[tokio::test]
async fn roles_are_given_and_taken_by_whoever_has_the_machine() {
    let system = System::start().await;
    let miss = system.member("Moneypenny").await;
    let (id, email) = (miss.id.to_string(), miss.login.email.to_uppercase());

    let granted = done(&["account", "role", &email, "grant", "auditor"]);
    assert_eq!(granted, format!("{id} is auditor now.\n"));
    let auditor = system.again(&miss.login).await;
    let events = "audit/events?type=RoleGranted&actor=machine";
    eventually(|| auditor.get(events), |answer| answer.body.to_string().contains(&id)).await;
    let again = done(&["account", "role", &id, "grant", "auditor"]);
    assert_eq!(again, format!("{id} was auditor already.\n"));

    let revoked = done(&["account", "role", &id, "revoke", "auditor"]);
    assert_eq!(revoked, format!("{id} is no longer auditor.\n"));
    let member = system.again(&miss.login).await;
    // A changed role takes effect everywhere within 2 s.
    eventually(|| member.get("audit/events"), |answer| answer.status.as_u16() == 403).await;

    let as_data = as_json(&["account", "role", &id, "grant", "analyst", "--json"]);
    let expected = json!({ "id": id, "role": "analyst", "held": true, "changed": true });
    assert_eq!(as_data, expected);

    let nobody = Uuid::now_v7().to_string();
    assert_eq!(run(&["account", "role", &nobody, "grant", "analyst"]).0, Some(1));
    assert_eq!(run(&["account", "role", "nobody@example.org", "grant", "analyst"]).0, Some(1));
    assert_eq!(run(&["account", "role", "nobody", "grant", "analyst"]).0, Some(2));
    assert_eq!(run(&["account", "role", &id, "grant", "king"]).0, Some(2));
}

#[tokio::test]
async fn an_account_is_made_for_a_program_that_reads_its_id() {
    let system = System::start().await;
    let login = Login::new("Robot");
    let mut command = daybook();
    command.args(["account", "create", "--role", "analyst", "--password-stdin", "--json"]);
    command.arg("--email").arg(&login.email);
    command.arg("--data-dir").arg(&Program::shared().data_dir);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(login.password.as_bytes()).unwrap();
    let said = child.wait_with_output().unwrap();

    let made: Value = serde_json::from_slice(&said.stdout).unwrap();
    let robot = system.again(&login).await;
    assert_eq!(made, json!({ "id": robot.id, "role": "analyst" }));
}
