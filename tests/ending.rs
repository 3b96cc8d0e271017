//! Asked to end while everybody is at work: in time, with a word to those who listen, and with
//! nothing lost that was acknowledged.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use local_services::Signal;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::system::{Client, Program, System, WAIT_MAX, daybook};

const STREAMS: usize = 50;
const CLIENTS: usize = 64;
/// This many acknowledged, the signal comes.
const ENOUGH: usize = 200;
/// What a supervisor waits before it kills.
const END_MAX: Duration = Duration::from_secs(10);

/// Position by key.
type Acknowledged = Arc<Mutex<BTreeMap<String, i64>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_asked_to_end_ends_in_time_and_loses_nothing_it_acknowledged() {
    let folder = std::env::temp_dir().join(format!("daybook-ending-{}", Uuid::now_v7().simple()));
    let acknowledged = Acknowledged::default();
    for signal in [Signal::Terminate, Signal::Interrupt] {
        end_at_work(&folder, signal, &acknowledged).await;
    }
    let check = move || {
        let log = positions(&folder);
        for (key, position) in acknowledged.lock().unwrap().iter() {
            assert_eq!(log.get(key), Some(&vec![*position]), "the command {key}");
        }
        let verified: Value = serde_json::from_slice(&run(&folder, &["verify", "--json"])).unwrap();
        assert_eq!(verified["ok"], true, "{verified}");
        std::fs::remove_dir_all(folder).unwrap();
    };
    tokio::task::spawn_blocking(check).await.unwrap();
}

async fn end_at_work(folder: &Path, signal: Signal, acknowledged: &Acknowledged) {
    let folder = folder.to_str().unwrap().to_owned();
    let start = move || Program::up("ending", &["--data-dir", &folder]);
    let mut program = tokio::task::spawn_blocking(start).await.unwrap();
    let system = System::of(&program).await;
    let mercy = system.merchandiser().await;
    let mut streams = JoinSet::new();
    for _ in 0..STREAMS {
        let stream = mercy.get("live?topics=orders").open().await;
        assert_eq!(stream.status().as_u16(), 200);
        streams.spawn(stream.text());
    }
    let before = acknowledged.lock().unwrap().len();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(adds_books(mercy.clone(), acknowledged.clone()));
    }
    let begun = Instant::now();
    while acknowledged.lock().unwrap().len() < before + ENOUGH {
        assert!(begun.elapsed() < WAIT_MAX, "nobody is served");
        tokio::task::yield_now().await;
    }

    let asked = Instant::now();
    program.signal(signal);
    let status = tokio::task::spawn_blocking(move || program.child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
    assert!(asked.elapsed() < END_MAX, "it took {:?}", asked.elapsed());
    while let Some(heard) = streams.join_next().await {
        let heard = heard.unwrap().expect("a stream that is cut is no end");
        assert!(heard.contains("event: shutdown") || heard.contains("event:shutdown"), "{heard}");
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
}

/// Until nobody answers any more.
async fn adds_books(mercy: Client, acknowledged: Acknowledged) {
    loop {
        let key = Uuid::now_v7().to_string();
        let book = json!({ "title": key, "authors": ["Anonymous"] });
        let ask = mercy.post("books", book).header("idempotency-key", &key);
        let answer = tokio::time::timeout(WAIT_MAX, ask.try_send()).await;
        let Some(answer) = answer.expect("an answer or a closed connection") else { return };
        match answer.status.as_u16() {
            201 => {
                let position = answer.accepted().position;
                acknowledged.lock().unwrap().insert(key, position);
            }
            // It has said that it is going.
            503 => return,
            _ => panic!("{answer}"),
        }
    }
}

fn run(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = daybook().args(arguments).arg("--data-dir").arg(folder).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {words}");
    output.stdout
}

/// Every event's position by the id of its command.
fn positions(folder: &Path) -> BTreeMap<String, Vec<i64>> {
    let mut positions: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for line in run(folder, &["events", "export"]).split(|byte| *byte == b'\n') {
        let line: Value = serde_json::from_slice(line).unwrap_or_default();
        if let Some(command) = line["metadata"]["command_id"].as_str() {
            let position = line["position"].as_i64().unwrap();
            positions.entry(command.to_owned()).or_default().push(position);
        }
    }
    positions
}
