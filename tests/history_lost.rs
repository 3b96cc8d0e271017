//! Postgres comes back from an older backup while NATS keeps what came after: the lost future is
//! noticed and served by nobody, and the present goes on from where the log now ends.

use std::path::Path;
use std::process::Command;

use local_services::Signal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Client, Login, Program, System, daybook, eventually, make_operator};

/// Commands of the future that gets lost.
const LOST: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_database_is_believed_and_not_the_stream() {
    lost_and_found("restored", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_history_at_the_same_positions_replaces_the_lost_one() {
    // Nothing relays while an account is made from the machine's side.
    lost_and_found("rewritten", LOST).await;
}

async fn lost_and_found(name: &'static str, rewritten: usize) {
    let folder = std::env::temp_dir().join(format!("daybook-{name}-{}", Uuid::now_v7().simple()));
    let data = folder.to_str().unwrap().to_owned();
    let up = move || Program::up(name, &["--data-dir", &data]);
    let start = || tokio::task::spawn_blocking(up.clone());

    let program = start().await.unwrap();
    let system = System::of(&program).await;
    let (ada, mercy) = (system.ada().await, system.merchandiser().await);
    let kept = mercy.post("books", json!({ "title": "Kept", "authors": ["A"] })).await.accepted();
    let rated = ada.rate(kept.id(), 4).await.accepted();
    everything_is_relayed(&system, rated.position).await;
    stop(program).await;
    let (cluster, backup) = (folder.join("postgres"), folder.join("backup"));
    copied(&cluster, &backup);

    let program = start().await.unwrap();
    let system = System::of(&program).await;
    let (ada, mercy) = (ada.at(&program.base), mercy.at(&program.base));
    let lost = mercy.post("books", json!({ "title": "Lost", "authors": ["B"] })).await.accepted();
    let mut last = lost.clone();
    for number in 0..LOST {
        last = ada.rate(kept.id(), (number % 2) as u8).await.accepted();
    }
    everything_is_relayed(&system, last.position).await;
    stop(program).await;
    std::fs::remove_dir_all(&cluster).unwrap();
    copied(&backup, &cluster);
    for number in 0..rewritten {
        let folder = folder.clone();
        let make = move || {
            let login = Login::new(&format!("Otto{number}"));
            make_operator(daybook().arg("--data-dir").arg(folder), &login);
        };
        tokio::task::spawn_blocking(make).await.unwrap();
    }

    let program = start().await.unwrap();
    let system = System::of(&program).await;
    let (ada, mercy) = (ada.at(&program.base), mercy.at(&program.base));
    // From the first answer on.
    system.get(format!("books/{}", lost.id())).await.refused(404, "item-unknown");
    let ratings = format!("books/{}/ratings", kept.id());
    let page = system.get(&ratings).await.ok();
    assert_eq!((&page["count"], &page["average"]), (&json!(1), &json!(4.0)), "{page}");
    let found = mercy.post("books", json!({ "title": "Found", "authors": ["C"] })).await.accepted();
    let shown = system.get(format!("books/{}", found.id())).after(&found).await.ok();
    assert_eq!(shown["title"], "Found", "{shown}");
    let rated = ada.rate(kept.id(), 9).await.accepted();
    let page = system.get(&ratings).after(&rated).await.ok();
    assert_eq!((&page["count"], &page["average"]), (&json!(1), &json!(9.0)), "{page}");
    everything_is_relayed(&system, rated.position).await;
    let auditor = system.auditor().await;
    heard_of_nothing_lost(&auditor, &lost.id().to_string()).await;
    let check = {
        let folder = folder.clone();
        move || verified(&folder)
    };
    tokio::task::spawn_blocking(check).await.unwrap();
    stop(program).await;
    std::fs::remove_dir_all(folder).unwrap();
}

async fn heard_of_nothing_lost(auditor: &Client, lost: &str) {
    let events = auditor.get("audit/events?limit=200").await.ok();
    assert!(!events.body.to_string().contains(lost), "{events}");
    let verified = auditor.get("audit/verify").await.ok();
    assert!(!verified.body.to_string().contains("\"ok\":false"), "{verified}");
}

async fn stop(mut program: Program) {
    program.signal(Signal::Terminate);
    let status = tokio::task::spawn_blocking(move || program.child.wait()).await.unwrap();
    assert!(status.unwrap().success());
}

/// With its owner, who is not us.
fn copied(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// The stream has this position, as it is in the log.
async fn everything_is_relayed(system: &System, position: i64) {
    let relayed = |metrics: &crate::system::Answer| {
        let text = metrics.body.as_str().unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("daybook_relay_position "));
        line.and_then(|number| number.parse::<f64>().ok()).is_some_and(|at| at >= position as f64)
    };
    eventually(|| system.get("/metrics"), relayed).await;
}

/// Chain, stream and read models, each against the log.
fn verified(folder: &Path) {
    let run = |arguments: &[&str]| -> Value {
        let output = daybook().args(arguments).arg("--data-dir").arg(folder).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {words}"))
    };
    let chain = run(&["verify", "--json"]);
    assert_eq!(chain["ok"], true, "{chain}");
    let reports = run(&["projections", "verify", "--all", "--json"]);
    for report in reports.as_array().unwrap() {
        assert_eq!(report["equal"], true, "{report}");
    }
    for finding in run(&["doctor", "--json"]).as_array().unwrap() {
        assert!(
            !finding["verdict"].as_str().is_some_and(|v| v == "fail" || v == "warn")
                || !finding.to_string().contains("stream"),
            "{finding}"
        );
    }
}
