//! What the log holds of a person, collected for that person.

use std::path::Path;

use local_services::Signal;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::system::{Client, Program, System, eventually};

const REMARK: &str = "I could not put it down";

/// Starts where `folder` is, or again.
async fn up(folder: &Path) -> Program {
    let folder = folder.to_str().unwrap().to_owned();
    let start = move || Program::up("export", &["--data-dir", &folder]);
    tokio::task::spawn_blocking(start).await.unwrap()
}

async fn done(somebody: &Client, location: &str) -> Value {
    let ask = || somebody.get(location);
    eventually(ask, |answer| answer.status == 200 && answer.body["state"] == "DONE").await.body
}

#[tokio::test]
async fn who_asks_gets_all_of_theirs_and_nothing_of_others_through_a_crash() {
    let folder = std::env::temp_dir().join(format!("daybook-e2e-{}", Uuid::now_v7().simple()));
    let mut program = up(&folder).await;
    let system = System::of(&program).await;
    let (ada, bob) = (system.member("Ada Lovelace").await, system.member("Bob Secret").await);
    let book = system.add_book(json!({ "title": "Emma", "authors": ["Jane Austen"] })).await;
    for somebody in [&ada, &bob] {
        let remark = json!({ "text": format!("{REMARK}, {}", somebody.login.name) });
        somebody.post(format!("books/{book}/comments"), remark).await.accepted();
    }
    bob.follow(&ada).await.accepted();
    ada.rate(book, 9).await.accepted();
    let asked = ada.post("accounts/me/export", json!({})).await;
    assert_eq!(asked.status, 202, "{asked}");
    let location = asked.header("location").to_owned();
    asked.accepted();
    program.child.kill().unwrap();
    program.child.wait().unwrap();
    let mut program = up(&folder).await;
    let system = System::of(&program).await;
    let (ada, bob) = (system.again(&ada.login).await, system.again(&bob.login).await);

    let export = done(&ada, &location).await;
    let file = ada.get(format!("{location}/file")).await.ok();
    assert_eq!(file.header("content-length"), export["bytes"].to_string());
    let text = file.body.as_str().unwrap();
    assert_eq!(export["sha256"], hex::encode(Sha256::digest(text)), "{export}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (manifest, events) = lines.split_last().unwrap();
    assert_eq!(manifest["manifest"]["events"], events.len(), "{manifest}");
    assert_eq!(export["events"], events.len(), "{export}");
    let before = &text[..text.trim_end().rfind('\n').unwrap() + 1];
    assert_eq!(manifest["manifest"]["sha256"], hex::encode(Sha256::digest(before)));
    assert!(events.iter().all(|event| event.to_string().contains(&ada.id.to_string())));
    for known in ["Ada Lovelace", &ada.login.email, REMARK, "ItemRated"] {
        assert!(text.contains(known), "{known}: {text}");
    }
    assert!(!text.contains("Secret") && !text.contains("sealed"), "{text}");

    bob.get(&location).await.refused(404, "export-unknown");
    bob.get(format!("{location}/file")).await.refused(404, "export-unknown");
    let again = ada.post("accounts/me/export", json!({})).await;
    assert!(!again.header("retry-after").is_empty(), "{again}");
    again.refused(429, "export-too-soon");

    let pool =
        sqlx::PgPool::connect(&local_services::attach(&folder).unwrap().database_url.unwrap())
            .await
            .unwrap();
    let pages = async || -> String {
        let all = "select coalesce(string_agg(lines, ''), '') from processes.export_pages";
        sqlx::query_scalar(all).fetch_one(&pool).await.unwrap()
    };
    let stored = pages().await;
    assert!(stored.contains("sealed") && !stored.contains(REMARK), "{stored}");
    ada.delete("accounts/me").await.accepted();
    let begun = std::time::Instant::now();
    while !pages().await.is_empty() {
        assert!(begun.elapsed() < crate::system::WAIT_MAX, "the pages stay");
        tokio::task::yield_now().await;
    }
    program.signal(Signal::Terminate);
    tokio::task::spawn_blocking(move || program.child.wait()).await.unwrap().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}
