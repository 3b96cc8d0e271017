//! Deciding over the log: stale caches, hot streams, keys, refusals, lost connections.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use chrono::{DateTime, Utc};
use domain::rating::{Command, Rating, RatingId, Refusal, Score};
use domain::stock::{self, Stock};
use domain::{AccountId, ItemId, ItemKind};
use eventstore::{Context, Decision, ExecuteError, Log};
use uuid::Uuid;

fn rating() -> RatingId {
    RatingId {
        reader: AccountId::from(Uuid::from_u128(1)),
        item: ItemId { kind: ItemKind::Book, id: Uuid::from_u128(2) },
    }
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn rate(points: u8) -> Command {
    Command::Rate { rating: rating(), score: Score::try_from(points).unwrap(), at: at() }
}

fn withdraw() -> Command {
    Command::Withdraw { rating: rating(), at: at() }
}

fn context(key: &str) -> Context {
    Context::system("test", key.to_owned(), at())
}

async fn execute(
    log: &Log,
    key: &str,
    command: Command,
) -> Result<eventstore::Receipt, ExecuteError<Refusal>> {
    log.execute::<Rating>(rating(), command, &context(key)).await
}

#[tokio::test]
async fn a_receipt_says_where_the_events_stand() {
    let log = support::log().await;
    let receipt = execute(&log, "a", rate(8)).await.unwrap();
    assert_eq!((receipt.sequence, receipt.position, receipt.unchanged), (1, 1, false));
    assert_eq!(receipt.stream.to_string(), format!("rating/{}", rating()));
    let again = execute(&log, "b", rate(8)).await.unwrap();
    assert_eq!((again.sequence, again.position, again.unchanged), (1, 1, true));
}

/// The second process decides on what it remembers; the log knows better.
#[tokio::test]
async fn a_decision_on_a_stale_cache_is_decided_again() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    execute(&one, "a", rate(8)).await.unwrap();
    execute(&two, "b", rate(8)).await.unwrap();
    execute(&one, "c", rate(3)).await.unwrap();

    let receipt = execute(&two, "d", rate(8)).await.unwrap();
    assert!(!receipt.unchanged, "two still believed in 8; changing it back is a change");
    assert_eq!(receipt.sequence, 3);

    execute(&one, "e", withdraw()).await.unwrap();
    let refused = execute(&two, "f", withdraw()).await.unwrap_err();
    assert!(
        matches!(refused, ExecuteError::Refused { refusal: Refusal::NothingToWithdraw, .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn answers_are_stored_with_their_key() {
    let url = support::database();
    let (log, other) = (support::open(&url).await, support::open(&url).await);
    let first = execute(&log, "a", rate(8)).await.unwrap();
    execute(&log, "b", withdraw()).await.unwrap();

    let replayed = execute(&log, "a", rate(8)).await.unwrap();
    assert!(replayed.replayed);
    assert_eq!((replayed.position, replayed.sequence), (first.position, first.sequence));

    let no = execute(&log, "c", withdraw()).await.unwrap_err();
    assert!(matches!(no, ExecuteError::Refused { replayed: false, .. }));
    execute(&log, "d", rate(5)).await.unwrap();
    let still_no = execute(&other, "c", withdraw()).await.unwrap_err();
    assert!(matches!(still_no, ExecuteError::Refused { replayed: true, .. }), "{still_no:?}");

    let unchanged = execute(&log, "e", rate(5)).await.unwrap();
    assert!(unchanged.unchanged);
    execute(&log, "f", rate(6)).await.unwrap();
    assert!(execute(&log, "e", rate(5)).await.unwrap().unchanged, "the stored answer stands");
}

#[tokio::test]
async fn a_key_belongs_to_one_payload() {
    let log = support::log().await;
    let mut first = context("a");
    first.fingerprint = b"score 8".to_vec();
    log.execute::<Rating>(rating(), rate(8), &first).await.unwrap();
    first.fingerprint = b"score 3".to_vec();
    let reused = log.execute::<Rating>(rating(), rate(3), &first).await.unwrap_err();
    assert!(matches!(reused, ExecuteError::KeyReused));
    let kept: Vec<u8> = sqlx::query_scalar("select fingerprint from eventstore.commands")
        .fetch_one(log.pool())
        .await
        .unwrap();
    assert!(!kept.windows(5).any(|bytes| bytes == b"score"), "only a keyed hash may be kept");
}

#[tokio::test]
async fn the_same_key_at_the_same_time_is_in_progress() {
    let log = support::log().await;
    let (first, second) = tokio::join!(execute(&log, "a", rate(8)), execute(&log, "a", rate(8)));
    first.unwrap();
    assert!(matches!(second.unwrap_err(), ExecuteError::KeyInProgress));
}

#[tokio::test]
async fn a_caller_may_insist_on_a_version() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    execute(&one, "a", rate(8)).await.unwrap();
    execute(&two, "b", rate(8)).await.unwrap();
    execute(&one, "c", rate(3)).await.unwrap();
    let expecting = |key: &str, sequence| {
        let mut context = context(key);
        context.expected = Some(sequence);
        context
    };
    let stale = two.execute::<Rating>(rating(), rate(9), &expecting("d", 1)).await.unwrap_err();
    assert!(matches!(stale, ExecuteError::Version { current: 2 }), "{stale:?}");
    let right = two.execute::<Rating>(rating(), rate(9), &expecting("e", 2)).await.unwrap();
    assert_eq!(right.sequence, 3);
}

/// 64 writers in each of two processes on one stream: every one is accepted, none is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hot_stream_loses_nothing() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    let tasks = (0..128_u8).map(|n| {
        let log = if n % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(async move {
            let mut changed = 0;
            for round in 0..5_u8 {
                let points = (n / 2 + round) % 11;
                let key = format!("{n}-{round}");
                let receipt = execute(&log, &key, rate(points)).await.unwrap();
                changed += i64::from(!receipt.unchanged);
            }
            changed
        })
    });
    let changed: i64 = futures::future::join_all(tasks).await.into_iter().map(Result::unwrap).sum();
    assert_eq!(one.reader().head().await.unwrap(), changed, "each change is in the log once");
    let commands: i64 = sqlx::query_scalar("select count(*) from eventstore.commands")
        .fetch_one(one.pool())
        .await
        .unwrap();
    assert_eq!(commands, 128 * 5, "each command has its answer");
}

/// Pieces go into stock one by one; answers how many are there then.
async fn receive(log: &Log, keys: impl Iterator<Item = String>) -> i64 {
    for key in keys {
        let (product, quantity) = (domain::samples::product(1), domain::samples::quantity(1));
        let command = stock::Command::Receive { product, quantity, reason: None, at: at() };
        log.execute::<Stock>(product, command, &context(&key)).await.unwrap();
    }
    log.load::<Stock>(domain::samples::product(1)).await.unwrap().state.level().on_hand
}

fn keys(prefix: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("{prefix}{number}"))
}

/// The stream is so long that only what came since is read after a conflict.
#[tokio::test]
async fn two_processes_take_turns_on_a_long_stream() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    assert_eq!(receive(&one, keys("a", 40)).await, 40);
    assert_eq!(receive(&two, keys("b", 3)).await, 43);
    assert_eq!(receive(&one, keys("c", 1)).await, 44);
    assert_eq!(receive(&two, keys("d", 2)).await, 46);
    assert_eq!(receive(&one, keys("e", 1)).await, 47);
    assert_eq!(receive(&support::open(&url).await, keys("f", 0)).await, 47);
}

/// As after a restore: the process that knew the lost events goes on from what there is.
#[tokio::test]
async fn a_long_stream_that_lost_its_end_is_read_anew() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    receive(&one, keys("a", 40)).await;
    // Its conflict makes `two` read all there is and keep it.
    assert_eq!(receive(&two, keys("b", 5)).await, 45);
    let mut tx = one.pool().begin().await.unwrap();
    for statement in [
        "set local session_replication_role = replica",
        "delete from eventstore.events where position > 38",
        "delete from eventstore.commits where last_position > 38",
    ] {
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();

    let three = support::open(&url).await;
    assert_eq!(receive(&three, keys("c", 1)).await, 39);
    assert_eq!(receive(&two, keys("d", 1)).await, 40, "two knew more than there is");
    assert_eq!(receive(&three, keys("e", 6)).await, 46);
    assert_eq!(receive(&one, keys("f", 1)).await, 47, "one knew others in their place");
}

/// The types of the events in the stream, in order.
async fn history(log: &Log) -> Vec<String> {
    let stream = eventstore::StreamId::new("rating", rating().to_string());
    let events = log.reader().stream(&stream, 0, 100).await.unwrap();
    events.into_iter().map(|event| event.event_type).collect()
}

/// Two commands of one batch: the second was decided on what the first would have made. Another
/// process's event has taken the first one's place, so that the sequence alone looks right.
#[tokio::test]
async fn nothing_is_appended_that_was_decided_on_a_command_that_fell() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    execute(&one, "a", rate(8)).await.unwrap();
    two.load::<Rating>(rating()).await.unwrap();
    execute(&one, "b", withdraw()).await.unwrap();

    let (first, second) = tokio::join!(execute(&two, "c", rate(3)), execute(&two, "d", withdraw()));

    first.unwrap();
    let history = history(&one).await;
    let twice = history.windows(2).any(|pair| pair[0] == pair[1]);
    assert!(!twice, "{history:?}: what was withdrawn cannot be withdrawn again; {second:?}");
}

/// A client hangs up while its command waits: nobody hears that the command fell, and what was
/// decided must be forgotten all the same.
#[tokio::test]
async fn a_command_whose_caller_left_leaves_nothing_behind() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    execute(&one, "a", rate(8)).await.unwrap();
    two.load::<Rating>(rating()).await.unwrap();
    execute(&one, "b", withdraw()).await.unwrap();
    tokio::select! {
        biased;
        answer = execute(&two, "c", rate(3)) => panic!("answered at once: {answer:?}"),
        () = std::future::ready(()) => {}
    }
    // Behind it in the queue: when this is answered, the one before it has fallen.
    let other = RatingId { reader: AccountId::from(Uuid::from_u128(9)), ..rating() };
    two.execute::<Rating>(other, rate(1), &context("d")).await.unwrap();

    let refused = execute(&two, "e", withdraw()).await.unwrap_err();

    assert!(matches!(refused, ExecuteError::Refused { .. }), "{refused:?}");
    assert_eq!(history(&one).await, ["ItemRated", "RatingWithdrawn"]);
}

#[tokio::test]
async fn a_command_is_prepared_again_when_a_fact_changed() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    let other = RatingId { reader: AccountId::from(Uuid::from_u128(9)), ..rating() };
    execute(&one, "fact", rate(8)).await.unwrap();
    two.load::<Rating>(rating()).await.unwrap();
    execute(&one, "changed", rate(9)).await.unwrap();

    let seen = std::sync::Mutex::new(Vec::new());
    let receipt = two
        .decide::<Rating, _, _, ExecuteError<Refusal>>(&context("a"), |facts| {
            let seen = &seen;
            async move {
                let fact = facts.load::<Rating>(rating()).await?;
                seen.lock().unwrap().push(fact.sequence);
                Ok(Decision::new(other, rate(1)))
            }
        })
        .await
        .unwrap();
    assert_eq!(receipt.position, 3);
    assert_eq!(seen.into_inner().unwrap(), [1, 2], "first the stale fact, then the true one");
}

/// Clients and imports try again when the database is away, and give up on anything else.
#[tokio::test]
async fn a_database_that_is_away_is_told_from_an_event_that_cannot_be_read() {
    let log = support::log().await;
    log.pool().close().await;
    let away = execute(&log, "a", rate(8)).await.unwrap_err();
    assert!(matches!(away, ExecuteError::Store(eventstore::StoreError::Database(_))), "{away:?}");
}

/// A process that once saw that there is no such thing must not go on saying so.
#[tokio::test]
async fn a_refusal_on_a_stale_fact_is_prepared_again() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    let other = RatingId { reader: AccountId::from(Uuid::from_u128(9)), ..rating() };
    let ask = |key: &'static str| {
        let two = two.clone();
        async move {
            two.decide::<Rating, _, _, ExecuteError<Refusal>>(&context(key), |facts| async move {
                match facts.load::<Rating>(rating()).await?.is_new() {
                    true => Err(ExecuteError::Invalid("there is none".to_owned())),
                    false => Ok(Decision::new(other, rate(1))),
                }
            })
            .await
        }
    };
    assert!(matches!(ask("a").await.unwrap_err(), ExecuteError::Invalid(_)));
    execute(&one, "made", rate(8)).await.unwrap();
    assert_eq!(ask("b").await.unwrap().position, 2);
}

#[tokio::test]
async fn an_answer_outlives_the_facts_it_was_decided_on() {
    let log = support::log().await;
    let ask = |exists: bool| {
        let log = log.clone();
        async move {
            log.decide::<Rating, _, _, ExecuteError<Refusal>>(&context("a"), |_| async move {
                match exists {
                    true => Ok(Decision::new(rating(), rate(8))),
                    false => Err(ExecuteError::Invalid("no such book".to_owned())),
                }
            })
            .await
        }
    };
    let first = ask(true).await.unwrap();
    let again = ask(false).await.unwrap();
    assert_eq!((again.position, again.replayed), (first.position, true));
}

#[tokio::test]
async fn text_with_a_nul_is_refused_before_it_is_stored() {
    let log = support::log().await;
    let mut nul = context("a");
    nul.metadata.insert("traceparent".to_owned(), "a\0b".to_owned());
    let refused = log.execute::<Rating>(rating(), rate(8), &nul).await.unwrap_err();
    assert!(matches!(refused, ExecuteError::Invalid(_)), "{refused:?}");
    assert_eq!(log.reader().head().await.unwrap(), 0);
    execute(&log, "b", rate(8)).await.unwrap();
}

mod lost_connection {
    //! A proxy between the appender and Postgres that cuts the line between sending and answer.

    use std::path::PathBuf;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{UnixListener, UnixStream};

    use super::*;

    pub struct Proxy {
        pub folder: PathBuf,
        pub cut_next_answer: Arc<AtomicBool>,
        /// The line stays open and nothing comes over it any more.
        pub hold_next_answer: Arc<AtomicBool>,
    }

    pub fn start(server: PathBuf) -> Proxy {
        let folder = std::env::temp_dir().join(format!("cut-{}", Uuid::now_v7().simple()));
        std::fs::create_dir_all(&folder).unwrap();
        let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).unwrap();
        let cut_next_answer = Arc::new(AtomicBool::new(false));
        let hold_next_answer = Arc::new(AtomicBool::new(false));
        let (cut, hold) = (cut_next_answer.clone(), hold_next_answer.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let upstream = UnixStream::connect(&server).await.unwrap();
                tokio::spawn(carry(client, upstream, cut.clone(), hold.clone()));
            }
        });
        Proxy { folder, cut_next_answer, hold_next_answer }
    }

    async fn carry(
        client: UnixStream,
        server: UnixStream,
        cut: Arc<AtomicBool>,
        hold: Arc<AtomicBool>,
    ) {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let forth = async { tokio::io::copy(&mut from_client, &mut to_server).await };
        let back = async {
            let mut buffer = vec![0; 65_536];
            while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
                if cut.swap(false, Ordering::SeqCst) {
                    return;
                }
                if hold.swap(false, Ordering::SeqCst) {
                    std::future::pending::<()>().await;
                }
                if to_client.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! { _ = forth => {}, () = back => {} }
    }
}

/// The same log as another process has it, whose connections go through a proxy.
async fn behind_proxy(direct: &Log) -> (lost_connection::Proxy, Log) {
    let options = (*direct.pool().connect_options()).clone();
    let server = options.get_socket().unwrap().join(".s.PGSQL.5432");
    let proxy = lost_connection::start(server);
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
