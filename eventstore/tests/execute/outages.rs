//! A database that is away, falls silent, or whose answer is lost.

use eventstore::{ExecuteError, Log};

use crate::{execute, proxy, rate, support};

/// Clients and imports try again when the database is away, and give up on anything else.
#[tokio::test]
async fn a_database_that_is_away_is_told_from_an_event_that_cannot_be_read() {
    let log = support::log().await;
    log.pool().close().await;
    let away = execute(&log, "a", rate(8)).await.unwrap_err();
    assert!(matches!(away, ExecuteError::Store(eventstore::StoreError::Database(_))), "{away:?}");
}

/// The same log as another process has it, whose connections go through a proxy.
async fn behind_proxy(direct: &Log) -> (proxy::Proxy, Log) {
    let options = (*direct.pool().connect_options()).clone();
    let server = options.get_socket().unwrap().join(".s.PGSQL.5432");
    let proxy = proxy::start(server);
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(2)
        .connect_with(options.socket(&proxy.folder))
        .await
        .unwrap();
    let log =
        Log::open(pool, direct.personal().clone(), eventstore::Options::default()).await.unwrap();
    execute(&log, "warm", rate(1)).await.unwrap();
    (proxy, log)
}

/// The server committed, the answer never came: the appender finds out instead of appending twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_cut_between_sending_and_answer_appends_once() {
    let direct = support::log().await;
    let (proxy, log) = behind_proxy(&direct).await;

    proxy.cut_next_answer.store(true, std::sync::atomic::Ordering::SeqCst);
    let receipt = execute(&log, "cut", rate(2)).await.unwrap();

    assert!(!proxy.cut_next_answer.load(std::sync::atomic::Ordering::SeqCst), "it was not cut");
    assert_eq!((receipt.sequence, receipt.position, receipt.replayed), (2, 2, false));
    assert_eq!(direct.reader().head().await.unwrap(), 2, "once, not twice");
    let next = execute(&log, "next", rate(3)).await.unwrap();
    assert_eq!(next.sequence, 3);
    std::fs::remove_dir_all(&proxy.folder).unwrap();
}

/// A host that loses its power says nothing: whoever waits for its answer must not wait for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_falls_silent_is_asked_again() {
    let direct = support::log().await;
    let (proxy, log) = behind_proxy(&direct).await;

    proxy.hold_next_answer.store(true, std::sync::atomic::Ordering::SeqCst);
    let asked = execute(&log, "silent", rate(2));
    let receipt = tokio::time::timeout(std::time::Duration::from_secs(30), asked).await;

    assert_eq!(receipt.expect("it waits for ever").unwrap().sequence, 2);
    assert_eq!(direct.reader().head().await.unwrap(), 2, "once, not twice");
    std::fs::remove_dir_all(&proxy.folder).unwrap();
}
