//! What was acknowledged is there, once, whatever is killed.

use std::fs;
use std::process::Output;
use std::sync::{Arc, Mutex};

use local_services::{Signal, signal};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::system::{Program, System, daybook, eventually};

const WRITERS: usize = 8;
/// This many acknowledged, the power goes off.
const ENOUGH: usize = 60;

fn book(id: Uuid) -> Value {
    json!({ "id": id, "title": format!("Book {}", id.simple()), "authors": ["Anonymous"] })
}

fn run(arguments: &[&str], folder: &str) -> Output {
    let output = daybook().args(arguments).args(["--data-dir", folder]).output().unwrap();
    let words = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{arguments:?}: {words:?}");
    output
}

#[tokio::test]
async fn acknowledged_commands_survive_the_death_of_everything() {
    let folder = std::env::temp_dir().join(format!("daybook-e2e-{}", Uuid::now_v7().simple()));
    let folder_name = folder.to_str().unwrap().to_owned();
    let start = move || Program::up("crash", &["--data-dir", &folder_name]);
    let mut program = tokio::task::spawn_blocking(start.clone()).await.unwrap();
    let system = System::of(&program).await;
    let mercy = system.merchandiser().await;

    // Each id is tried once before the crash; whether it was acknowledged is remembered.
    let (tried, acknowledged) = (Arc::new(Mutex::new(vec![])), Arc::new(Mutex::new(vec![])));
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (mercy, tried, acknowledged) = (mercy.clone(), tried.clone(), acknowledged.clone());
        writers.spawn(async move {
            loop {
                let id = Uuid::now_v7();
                tried.lock().unwrap().push(id);
                let ask = mercy.post("books", book(id)).header("idempotency-key", id);
                match ask.try_send().await {
                    Some(answer) if answer.status.is_success() => {
                        acknowledged.lock().unwrap().push(id);
                    }
                    _ => return,
                }
            }
        });
    }
    while acknowledged.lock().unwrap().len() < ENOUGH {
        tokio::task::yield_now().await;
    }
    let postmaster = fs::read_to_string(folder.join("postgres/postmaster.pid")).unwrap();
    signal(postmaster.lines().next().unwrap().parse().unwrap(), Signal::Kill);
    program.signal(Signal::Kill);
    while writers.join_next().await.is_some() {}
    tokio::task::spawn_blocking(move || program.child.wait()).await.unwrap().unwrap();

    let mut program = tokio::task::spawn_blocking(start).await.unwrap();
    let system = System::of(&program).await;
    let mercy = system.merchandiser().await;
    let acknowledged = acknowledged.lock().unwrap().clone();
    let last = mercy.post("books", book(Uuid::now_v7())).await.accepted();
    for id in &acknowledged {
        let found = system.get(format!("books/{id}")).after(&last).await.ok();
        assert!(found.header("etag").starts_with("\"1."), "once, in its first version: {found}");
    }
    // Whoever got no answer asks again, and the log has each of them once.
    let tried = tried.lock().unwrap().clone();
    for id in tried {
        let answer = mercy.post("books", book(id)).await;
        assert!([201, 409].contains(&answer.status.as_u16()), "{answer}");
    }
    program.signal(Signal::Terminate);
    tokio::task::spawn_blocking(move || program.child.wait()).await.unwrap().unwrap();
    let name = folder.to_str().unwrap().to_owned();
    tokio::task::spawn_blocking(move || run(&["verify"], &name)).await.unwrap();
    fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_killed_database_and_a_killed_bus_come_back_under_the_running_system() {
    let folder = std::env::temp_dir().join(format!("daybook-e2e-{}", Uuid::now_v7().simple()));
    let name = folder.to_str().unwrap().to_owned();
    let start = move || Program::up("revived", &["--data-dir", &name]);
    let mut program = tokio::task::spawn_blocking(start).await.unwrap();
    let system = System::of(&program).await;
    let mercy = system.merchandiser().await;
    let before = mercy.post("books", book(Uuid::now_v7())).await.accepted();

    let postmaster = fs::read_to_string(folder.join("postgres/postmaster.pid")).unwrap();
    signal(postmaster.lines().next().unwrap().parse().unwrap(), Signal::Kill);
    for file in fs::read_dir(folder.join("nats")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let pid = name.strip_prefix("nats-server_").and_then(|name| name.strip_suffix(".ports"));
        if let Some(pid) = pid {
            signal(pid.parse().unwrap(), Signal::Kill);
        }
    }

    let id = Uuid::now_v7();
    let again = || mercy.post("books", book(id)).header("idempotency-key", id);
    let after = eventually(again, |answer| answer.status.is_success()).await.accepted();
    assert_eq!(after.position, before.position + 1);
    let path = format!("books/{id}");
    eventually(|| system.get(&path).after(&after), |answer| answer.status.is_success()).await;
    program.signal(Signal::Terminate);
    let status = tokio::task::spawn_blocking(move || program.child.wait()).await.unwrap();
    assert!(status.unwrap().success());
    fs::remove_dir_all(&folder).unwrap();
}
