//! What nobody may do, and how much there may be.

use eventstore::append::{AppendError, QUEUE_MAX};

use crate::{command, position, sequences, support};

#[tokio::test]
async fn history_cannot_be_changed() {
    let log = support::log().await;
    log.append(command("a", "s", 0, 1)).await.unwrap();
    for statement in [
        "update eventstore.events set payload = '{}'",
        "delete from eventstore.events",
        "truncate eventstore.events cascade",
        "update eventstore.commits set hash = ''",
        "delete from eventstore.commits",
        "truncate eventstore.commits",
    ] {
        let refused = sqlx::query(statement).execute(log.pool()).await.unwrap_err();
        assert!(refused.to_string().contains("history is never changed"), "{statement}: {refused}");
    }
    assert_eq!(sequences(&log).await.len(), 1);
}

#[tokio::test]
async fn a_full_queue_is_said_at_once() {
    let log = support::log().await;
    let appends =
        (0..QUEUE_MAX + 1).map(|n| log.append(command(&n.to_string(), &n.to_string(), 0, 1)));
    let answers = futures::future::join_all(appends).await;
    let busy = answers.iter().filter(|answer| matches!(answer, Err(AppendError::Busy))).count();
    assert_eq!(busy, 1, "the queue holds {QUEUE_MAX}");
    assert_eq!(log.reader().head().await.unwrap(), QUEUE_MAX as i64, "the others are all there");
}

/// A client frozen between sending and Sync would stop every writer for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_holder_of_the_lock_is_removed() {
    let url = support::database();
    let log = support::open(&url).await;
    let pool = support::connect(&url).await;
    let mut frozen = pool.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock(7236837427)").execute(&mut *frozen).await.unwrap();

    let verdict = log.append(command("a", "s", 0, 1)).await.unwrap();

    assert_eq!(position(&verdict), 1);
    let ended = sqlx::query("select 1").execute(&mut *frozen).await;
    assert!(ended.is_err(), "the frozen session was to be ended");
}
