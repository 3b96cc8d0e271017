//! An export can be verified by itself, and continued where it was cut off.

use eventstore::Log;
use eventstore::export::export;
use eventstore::verify::{Fault, Verification, VerifyExportError, verify_export};
use futures::TryStreamExt;
use serde_json::{Value, json};

use crate::{history, support};

async fn exported(log: &Log, after: i64, until: Option<i64>) -> String {
    export(log.reader().clone(), after, until).try_collect().await.unwrap()
}

fn verified(file: &str) -> Verification {
    verify_export(file.as_bytes(), &[], |_| ()).unwrap()
}

async fn a_log() -> Log {
    let log = support::log().await;
    history(&log).await;
    log
}

#[tokio::test]
async fn an_export_verifies_without_the_database() {
    let file = exported(&a_log().await, 0, None).await;
    let verification = verified(&file);
    assert_eq!(verification.broken, None);
    assert_eq!((verification.events, verification.commits, verification.until), (20, 10, 20));
    assert!(file.lines().next().unwrap().starts_with("{\"export\""));
    assert!(file.lines().last().unwrap().starts_with("{\"manifest\""));
}

#[tokio::test]
async fn an_export_of_an_empty_log_verifies() {
    let verification = verified(&exported(&support::log().await, 0, None).await);
    assert!(verification.ok && verification.events == 0);
}

#[tokio::test]
async fn a_part_verifies_too_and_ends_with_a_whole_commit() {
    let log = a_log().await;
    for after in 0..20 {
        let verification = verified(&exported(&log, after, Some(after + 1)).await);
        assert_eq!(verification.broken, None, "after {after}");
        assert_eq!(verification.from, after + 1);
    }
}

#[tokio::test]
async fn a_changed_line_is_found() {
    let file = exported(&a_log().await, 0, None).await;
    let forged = file.replacen("{\"key\":\"3\"}", "{\"key\":\"4\"}", 1);
    assert_eq!(verified(&forged).broken.unwrap().what, Fault::Leaf);
}

#[tokio::test]
async fn what_is_said_of_a_commit_and_of_the_whole_must_fit_the_events() {
    let file = exported(&a_log().await, 4, None).await;
    let mut lines: Vec<Value> =
        file.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let commit = lines.iter().position(|line| line.get("commit").is_some()).unwrap();
    let manifest = lines.len() - 1;
    let text = |lines: &[Value]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    assert!(verified(&text(&lines)).ok);
    for (line, tag, field, forged, fault) in [
        (commit, "commit", "recorded_at", json!("2019-01-01T00:00:00Z"), Fault::RecordedAt),
        (manifest, "manifest", "after", json!(3), Fault::Manifest),
        (manifest, "manifest", "events", json!(3), Fault::Manifest),
        (manifest, "manifest", "commits", json!(3), Fault::Manifest),
    ] {
        let true_one = std::mem::replace(&mut lines[line][tag][field], forged);
        assert_eq!(verified(&text(&lines)).broken.unwrap().what, fault, "{tag} {field}");
        lines[line][tag][field] = true_one;
    }
}

#[tokio::test]
async fn a_missing_line_is_found_whichever_it_is() {
    let file = exported(&a_log().await, 0, None).await;
    let lines: Vec<&str> = file.lines().collect();
    for missing in 1..lines.len() {
        let mut rest = lines.clone();
        rest.remove(missing);
        assert!(!verified(&rest.join("\n")).ok, "without {}", lines[missing]);
    }
}

#[tokio::test]
async fn an_export_that_was_cut_off_says_so_and_can_be_continued() {
    let log = a_log().await;
    let whole = exported(&log, 0, None).await;
    let lines: Vec<&str> = whole.lines().collect();
    for kept in 2..lines.len() - 1 {
        let cut = lines[..kept].join("\n");
        assert_eq!(verified(&cut).broken.unwrap().what, Fault::Manifest);
        // A client knows the last event it got; a commit line that follows it may be missing.
        let Some(position) = last_position(&lines[..kept]) else { continue };
        if lines[kept].starts_with("{\"commit\"") {
            continue;
        }
        let continued = format!("{cut}\n{}", exported(&log, position, None).await);
        assert_eq!(verified(&continued).broken, None, "continued after {position}");
    }
}

fn last_position(lines: &[&str]) -> Option<i64> {
    let event = lines.iter().rev().find(|line| line.starts_with("{\"position\""))?;
    serde_json::from_str::<serde_json::Value>(event).unwrap()["position"].as_i64()
}

#[tokio::test]
async fn something_else_is_not_taken_for_an_export() {
    for file in ["", "{}", "{\"position\":1}", "hello"] {
        let refused = verify_export(file.as_bytes(), &[], |_| ());
        assert!(
            matches!(refused, Err(VerifyExportError::Header | VerifyExportError::Line(_))),
            "{file}"
        );
    }
}
