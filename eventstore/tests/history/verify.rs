//! Whatever is changed behind the log's back, verification says where.

use eventstore::Log;
use eventstore::verify::{Fault, Range, Verification, proof, verify};

use crate::{history, support, tamper};

async fn verified(log: &Log, range: Range) -> Verification {
    verify(log.reader(), range, &[], |_| ()).await.unwrap()
}

/// Where and what breaks after tampering with a fresh history.
async fn broken_by(statement: &str) -> (i64, Fault) {
    let log = support::log().await;
    history(&log).await;
    tamper(&log, statement).await;
    let verification = verified(&log, Range::WHOLE).await;
    assert!(!verification.ok);
    let broken = verification.broken.unwrap();
    (broken.position, broken.what)
}

#[tokio::test]
async fn an_untouched_log_verifies() {
    let log = support::log().await;
    history(&log).await;
    let mut done = Vec::new();
    let verification =
        verify(log.reader(), Range::WHOLE, &[], |position| done.push(position)).await.unwrap();
    assert_eq!(verification.broken, None);
    assert_eq!((verification.events, verification.commits, verification.until), (20, 10, 20));
    assert_eq!(done.last(), Some(&20));
}

#[tokio::test]
async fn an_empty_log_verifies() {
    let verification = verified(&support::log().await, Range::WHOLE).await;
    assert!(verification.ok && verification.events == 0 && verification.until == 0);
}

#[tokio::test]
async fn a_part_is_widened_to_whole_commits() {
    let log = support::log().await;
    history(&log).await;
    let part = verified(&log, Range { from: 4, until: Some(10) }).await;
    let whole = verified(&log, Range { from: part.from, until: Some(part.until) }).await;
    assert!(part.ok && part.from <= 4 && part.until >= 10);
    assert_eq!(part, whole);
}

#[tokio::test]
async fn every_column_of_an_event_is_covered() {
    for change in [
        "payload = '{\"key\":\"forged\"}'",
        "payload = (payload::text || ' ')::json",
        "metadata = '{\"actor\":\"somebody else\"}'",
        "event_type = 'NeverHappened'",
        "event_version = '1.0.1'",
    ] {
        let (position, fault) =
            broken_by(&format!("update eventstore.events set {change} where position = 7")).await;
        assert_eq!(fault, Fault::Hash, "{change}");
        assert!((7..=9).contains(&position), "{change}: {position}");
    }
}

#[tokio::test]
async fn a_changed_time_is_found_at_its_event() {
    let change = "update eventstore.events set recorded_at = recorded_at + interval '1 microsecond'
                  where position = 7";
    assert_eq!(broken_by(change).await, (7, Fault::RecordedAt));
}

#[tokio::test]
async fn a_missing_event_is_found_at_its_position() {
    let deletion = "delete from eventstore.events where position = 7";
    assert_eq!(broken_by(deletion).await, (7, Fault::Position));
}

#[tokio::test]
async fn a_missing_last_event_is_found() {
    let deletion = "delete from eventstore.events where position = 20";
    assert_eq!(broken_by(deletion).await, (20, Fault::Position));
}

#[tokio::test]
async fn a_missing_commit_is_found_at_its_first_event() {
    let deletion =
        "delete from eventstore.commits where first_position <= 7 and last_position >= 7";
    let (position, fault) = broken_by(deletion).await;
    assert_eq!(fault, Fault::Commit);
    assert!(position <= 7);
}

#[tokio::test]
async fn a_missing_last_commit_is_found() {
    let deletion = "delete from eventstore.commits where last_position = 20";
    assert_eq!(broken_by(deletion).await, (20, Fault::Commit));
}

#[tokio::test]
async fn a_gap_in_a_stream_is_found_even_if_positions_are_dense() {
    let renumber = "update eventstore.events set sequence = sequence + 100
                    where position = (select max(position) from eventstore.events
                                      where aggregate_id = '1')";
    assert_eq!(broken_by(renumber).await.1, Fault::Sequence);
}

#[tokio::test]
async fn an_event_moved_to_another_stream_is_found() {
    let moved = "update eventstore.events set aggregate_id = 'elsewhere', sequence = 1
                 where position = 20";
    assert_eq!(broken_by(moved).await.1, Fault::Hash);
}

#[tokio::test]
async fn a_forged_hash_is_found() {
    let forged = "update eventstore.commits set hash = sha256(hash) where last_position = 20";
    assert_eq!(broken_by(forged).await, (20, Fault::Hash));
}

#[tokio::test]
async fn the_log_refuses_changes_by_itself() {
    let log = support::log().await;
    history(&log).await;
    for statement in [
        "update eventstore.events set payload = '{}'",
        "delete from eventstore.commits",
        "truncate eventstore.events",
    ] {
        assert!(sqlx::query(statement).execute(log.pool()).await.is_err(), "{statement}");
    }
}

#[tokio::test]
async fn every_event_has_its_proof() {
    let log = support::log().await;
    history(&log).await;
    for position in 1..=20 {
        let mut proof = proof(log.reader(), position).await.unwrap().unwrap();
        assert!(proof.holds());
        proof.leaf = "00".repeat(32);
        assert!(!proof.holds());
    }
    assert_eq!(proof(log.reader(), 21).await.unwrap(), None);
    assert_eq!(proof(log.reader(), 0).await.unwrap(), None);
}

#[tokio::test]
async fn a_tampered_event_has_no_proof_that_holds() {
    let log = support::log().await;
    history(&log).await;
    tamper(&log, "update eventstore.events set payload = '{}' where position = 7").await;
    assert!(!proof(log.reader(), 7).await.unwrap().unwrap().holds());
}
