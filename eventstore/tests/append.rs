//! The rules of a batch (DESIGN.md 4 and 5), at the level of appends.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use domain::Claim;
use eventstore::StreamId;
use eventstore::append::{Append, AppendError, Guard, NewEvent, QUEUE_MAX, Verdict, Write};
use sqlx::Row;
use uuid::Uuid;

/// A command that writes `count` events to a stream after `expected`.
fn command(key: &str, stream: &str, expected: i64, count: usize) -> Append {
    let event = NewEvent {
        event_type: "Happened".to_owned(),
        event_version: "1.0.0".to_owned(),
        payload: format!("{{\"key\":\"{key}\"}}"),
        metadata: "{}".to_owned(),
    };
    Append {
        caller: "test".to_owned(),
        key: key.to_owned(),
        fingerprint: Vec::new(),
        refusal: None,
        writes: vec![Write {
            stream: StreamId::new("thing", stream),
            expected,
            events: vec![event; count],
        }],
        guards: Vec::new(),
        claims: Vec::new(),
        subjects: Vec::new(),
        erased: Vec::new(),
    }
}

/// The position of an appended command.
#[track_caller]
fn position(verdict: &Verdict) -> i64 {
    match verdict {
        Verdict::Appended(stored) => stored.position,
        other => panic!("not appended: {other:?}"),
    }
}

async fn sequences(log: &eventstore::Log) -> Vec<(i64, String, i64)> {
    let events = log.reader().page(0, 1_000).await.unwrap();
    events.into_iter().map(|e| (e.position, e.stream.aggregate_id, e.sequence)).collect()
}

/// On a single-threaded runtime both commands are in the queue before the appender wakes: one batch.
#[tokio::test]
async fn two_commands_on_one_stream_may_share_a_batch() {
    let log = support::log().await;
    let (first, second) =
        tokio::join!(log.append(command("a", "s", 0, 1)), log.append(command("b", "s", 1, 2)));
    assert_eq!(position(&first.unwrap()), 1);
    assert_eq!(position(&second.unwrap()), 3);
    let commits: i64 = sqlx::query_scalar("select count(*) from eventstore.commits")
        .fetch_one(log.pool())
        .await
        .unwrap();
    assert_eq!(commits, 1, "both were meant to share one commit");
}

#[tokio::test]
async fn the_same_key_twice_in_one_batch_is_decided_once() {
    let log = support::log().await;
    let (first, second) =
        tokio::join!(log.append(command("a", "s", 0, 1)), log.append(command("a", "s", 0, 1)));
    let Verdict::Appended(stored) = first.unwrap() else { panic!("the first was not appended") };
    assert_eq!(second.unwrap(), Verdict::Duplicate(stored));
    assert_eq!(sequences(&log).await, [(1, "s".to_owned(), 1)]);
}

/// As when a takeover that was interrupted goes on in the middle of a stream.
#[tokio::test]
async fn what_follows_a_repeated_command_in_its_batch_is_appended() {
    let log = support::log().await;
    log.append(command("a", "s", 0, 1)).await.unwrap();
    let (again, next) =
        tokio::join!(log.append(command("a", "s", 0, 1)), log.append(command("b", "s", 1, 1)));
    assert!(matches!(again.unwrap(), Verdict::Duplicate(_)));
    assert_eq!(position(&next.unwrap()), 2);
}

/// What the second expects to stand on would have been the first's events; those that are there
/// are another command's.
#[tokio::test]
async fn what_follows_a_command_that_fell_falls_too() {
    let log = support::log().await;
    log.append(command("other", "s", 0, 1)).await.unwrap();
    let (fell, next) =
        tokio::join!(log.append(command("a", "s", 0, 1)), log.append(command("b", "s", 1, 1)));
    assert_eq!(fell.unwrap(), Verdict::Conflict { current: 1 });
    assert_eq!(next.unwrap(), Verdict::Conflict { current: 1 });
    let mut guarded = command("d", "t", 0, 1);
    guarded.guards.push(Guard { stream: StreamId::new("thing", "s"), sequence: 1 });
    let (fell, guarded) = tokio::join!(log.append(command("c", "s", 0, 1)), log.append(guarded));
    assert_eq!(fell.unwrap(), Verdict::Conflict { current: 1 });
    assert!(matches!(guarded.unwrap(), Verdict::GuardFailed { .. }));
}

#[tokio::test]
async fn a_key_is_not_used_for_two_things() {
    let log = support::log().await;
    let mut other = command("a", "s", 0, 1);
    other.fingerprint = b"other".to_vec();
    log.append(command("a", "s", 0, 1)).await.unwrap();
    assert_eq!(log.append(other).await.unwrap(), Verdict::Mismatch);
}

#[tokio::test]
async fn the_expected_sequence_must_equal_the_last_one() {
    let log = support::log().await;
    let gap = log.append(command("gap", "s", 1, 1)).await.unwrap();
    assert_eq!(gap, Verdict::Conflict { current: 0 }, "ahead of the stream is a conflict too");
    log.append(command("a", "s", 0, 2)).await.unwrap();
    let behind = log.append(command("b", "s", 1, 1)).await.unwrap();
    assert_eq!(behind, Verdict::Conflict { current: 2 });
}

#[tokio::test]
async fn a_decision_without_events_is_checked_and_stored_like_any_other() {
    let log = support::log().await;
    log.append(command("a", "s", 0, 1)).await.unwrap();
    let mut refusal = command("no", "s", 1, 0);
    refusal.refusal = Some("\"No\"".to_owned());
    let Verdict::Appended(stored) = log.append(refusal.clone()).await.unwrap() else {
        panic!("the refusal was not stored")
    };
    assert_eq!((stored.appended, stored.sequence, stored.position), (false, 1, 1));
    assert_eq!(log.append(refusal.clone()).await.unwrap(), Verdict::Duplicate(stored));
    refusal.key = "stale".to_owned();
    refusal.writes[0].expected = 0;
    assert_eq!(log.append(refusal).await.unwrap(), Verdict::Conflict { current: 1 });
}

#[tokio::test]
async fn a_command_that_cannot_be_stored_does_not_fail_its_neighbours() {
    let log = support::log().await;
    let mut broken = command("broken", "x", 0, 1);
    broken.writes[0].events[0].payload = "{not json".to_owned();
    let mut nul = command("nul", "y", 0, 1);
    nul.writes[0].events[0].metadata = "{\"a\":\"\0\"}".to_owned();
    // No index takes a name of this size, and no compression makes it small.
    let name: String = (0..400).map(|n| Uuid::from_u128(n * n * 7_919).to_string()).collect();
    let (before, broken, nul, long, after) = tokio::join!(
        log.append(command("a", "s", 0, 1)),
        log.append(broken),
        log.append(nul),
        log.append(command("long", &name, 0, 1)),
        log.append(command("b", "s", 1, 1)),
    );
    assert_eq!(position(&before.unwrap()), 1);
    assert!(matches!(broken.unwrap(), Verdict::Invalid(_)));
    assert!(matches!(nul.unwrap(), Verdict::Invalid(_)));
    assert!(matches!(long.unwrap(), Verdict::Invalid(_)));
    assert_eq!(position(&after.unwrap()), 2);
}

#[tokio::test]
async fn a_fact_that_changed_turns_the_decision_down() {
    let log = support::log().await;
    log.append(command("fact", "book", 0, 1)).await.unwrap();
    let guarded = |key: &str, sequence| {
        let mut append = command(key, key, 0, 1);
        append.guards = vec![Guard { stream: StreamId::new("thing", "book"), sequence }];
        append
    };
    assert!(matches!(log.append(guarded("a", 1)).await.unwrap(), Verdict::Appended(_)));
    let (_, late) =
        tokio::join!(log.append(command("revise", "book", 1, 1)), log.append(guarded("b", 1)));
    assert_eq!(late.unwrap(), Verdict::GuardFailed { stream: "thing/book".to_owned() });
}

#[tokio::test]
async fn a_unique_claim_has_one_holder_until_it_is_released() {
    let log = support::log().await;
    let take = |key: &str, holder: &str| {
        let mut append = command(key, key, 0, 1);
        append.claims = vec![Claim::Unique {
            kind: "email",
            key: "ada@example.org".to_owned(),
            holder: holder.to_owned(),
            personal: false,
        }];
        append
    };
    let (ada, eve) = tokio::join!(log.append(take("a", "ada")), log.append(take("e", "eve")));
    assert!(matches!(ada.unwrap(), Verdict::Appended(_)));
    assert_eq!(eve.unwrap(), Verdict::Taken { kind: "email".to_owned() });

    let mut release = command("release", "r", 0, 1);
    release.claims = vec![Claim::Release { kind: "email", holder: "ada".to_owned() }];
    log.append(release).await.unwrap();
    assert!(matches!(log.append(take("e2", "eve")).await.unwrap(), Verdict::Appended(_)));
}

#[tokio::test]
async fn places_run_out_and_come_back() {
    let log = support::log().await;
    let seat = |holder: &str| {
        let mut append = command(holder, holder, 0, 1);
        append.claims = vec![Claim::Place {
            kind: "seat",
            key: "course".to_owned(),
            holder: holder.to_owned(),
        }];
        append
    };
    let mut capacity = command("course", "course", 0, 1);
    capacity.claims =
        vec![Claim::Capacity { kind: "seat", key: "course".to_owned(), places: Some(2) }];
    log.append(capacity).await.unwrap();
    let (one, two, three) =
        tokio::join!(log.append(seat("one")), log.append(seat("two")), log.append(seat("three")));
    assert!(matches!(one.unwrap(), Verdict::Appended(_)));
    assert!(matches!(two.unwrap(), Verdict::Appended(_)));
    assert_eq!(three.unwrap(), Verdict::Full { kind: "seat".to_owned() });

    let mut leave = command("leave", "one", 1, 1);
    leave.claims = vec![Claim::Release { kind: "seat", holder: "one".to_owned() }];
    log.append(leave).await.unwrap();
    assert!(matches!(log.append(seat("three")).await.unwrap(), Verdict::Appended(_)));
}

/// All in one batch: what one gives back, sets or takes is there, or not there, for the next.
#[tokio::test]
async fn claims_of_one_batch_are_settled_in_order() {
    let log = support::log().await;
    let claiming = |key: &str, claim| Append { claims: vec![claim], ..command(key, key, 0, 1) };
    let desk = |holder: &str| Claim::Unique {
        kind: "desk",
        key: "1".to_owned(),
        holder: holder.to_owned(),
        personal: false,
    };
    let seat = |holder: &str| Claim::Place {
        kind: "seat",
        key: "course".to_owned(),
        holder: holder.to_owned(),
    };
    let release = |kind, holder: &str| Claim::Release { kind, holder: holder.to_owned() };
    let seats = Claim::Capacity { kind: "seat", key: "course".to_owned(), places: Some(2) };
    let answers = futures::future::join_all(
        [
            claiming("a", desk("ada")),
            claiming("b", desk("bob")),
            claiming("c", release("desk", "ada")),
            claiming("d", desk("dan")),
            claiming("e", seats),
            claiming("f", seat("fay")),
            claiming("g", seat("gus")),
            claiming("h", seat("hal")),
            claiming("i", release("seat", "fay")),
            claiming("j", seat("joy")),
            claiming("k", seat("kim")),
        ]
        .map(|append| log.append(append)),
    )
    .await;
    let turned_down: Vec<(usize, Verdict)> = answers
        .into_iter()
        .map(Result::unwrap)
        .enumerate()
        .filter(|(_, verdict)| !matches!(verdict, Verdict::Appended(_)))
        .collect();
    let full = || Verdict::Full { kind: "seat".to_owned() };
    let taken = Verdict::Taken { kind: "desk".to_owned() };
    assert_eq!(turned_down, [(1, taken), (7, full()), (10, full())]);
    let held: Vec<(String, String)> =
        sqlx::query_as("select kind, holder from eventstore.claims order by kind, holder")
            .fetch_all(log.pool())
            .await
            .unwrap();
    let held: Vec<(&str, &str)> = held.iter().map(|(k, h)| (k.as_str(), h.as_str())).collect();
    assert_eq!(held, [("desk", "dan"), ("seat", "gus"), ("seat", "joy")]);
}

#[tokio::test]
async fn what_a_command_gives_back_itself_it_does_not_keep() {
    let log = support::log().await;
    let take = |key: &str| Claim::Unique {
        kind: "isbn",
        key: key.to_owned(),
        holder: "book".to_owned(),
        personal: false,
    };
    let release = Claim::Release { kind: "isbn", holder: "book".to_owned() };
    let mut revised = command("a", "book", 0, 2);
    revised.claims = vec![take("1"), release, take("2")];
    assert!(matches!(log.append(revised).await.unwrap(), Verdict::Appended(_)));
    let held: Vec<String> = sqlx::query_scalar("select key from eventstore.claims")
        .fetch_all(log.pool())
        .await
        .unwrap();
    assert_eq!(held, ["2"]);
}

/// Many known commands among new ones: each its own answer, and the new ones in their order.
#[tokio::test]
async fn repeated_and_new_commands_of_one_batch_each_get_their_answer() {
    let log = support::log().await;
    for number in (0..60).step_by(3) {
        log.append(command(&format!("{number}"), &format!("{number}"), 0, 1)).await.unwrap();
    }
    let mut batch: Vec<Append> =
        (0..60).map(|n| command(&format!("{n}"), &format!("{n}"), 0, 1)).collect();
    batch[40].writes[0].events[0].payload = "{".to_owned();
    batch[50].writes[0].expected = 7;
    let answers = futures::future::join_all(batch.into_iter().map(|one| log.append(one))).await;
    let mut positions = Vec::new();
    for (number, answer) in answers.into_iter().map(Result::unwrap).enumerate() {
        match answer {
            Verdict::Appended(stored) => positions.push(stored.position),
            Verdict::Duplicate(stored) => assert_eq!(stored.position, number as i64 / 3 + 1),
            Verdict::Invalid(_) => assert_eq!(number, 40),
            Verdict::Conflict { current } => assert_eq!((number, current), (50, 0)),
            other => panic!("{number}: {other:?}"),
        }
    }
    assert_eq!(positions, (21..=58).collect::<Vec<_>>());
}

#[tokio::test]
async fn several_streams_are_written_together_or_not_at_all() {
    let log = support::log().await;
    log.append(command("cart", "cart", 0, 1)).await.unwrap();
    let checkout = |key: &str, cart_at| {
        let mut append = command(key, "cart", cart_at, 1);
        let order = Write {
            stream: StreamId::new("order", key),
            expected: 0,
            events: append.writes[0].events.clone(),
        };
        append.writes.push(order);
        append
    };
    let stale = log.append(checkout("first", 0)).await.unwrap();
    assert_eq!(stale, Verdict::Conflict { current: 1 });
    assert_eq!(log.reader().head().await.unwrap(), 1, "nothing of it may be there");
    assert_eq!(position(&log.append(checkout("second", 1)).await.unwrap()), 3);
    let streams: Vec<String> = log
        .reader()
        .page(1, 10)
        .await
        .unwrap()
        .into_iter()
        .map(|event| event.stream.to_string())
        .collect();
    assert_eq!(streams, ["thing/cart", "order/second"]);
}

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

/// Every reader must see positions 1, 2, 3, ... whoever writes: two processes, some transactions
/// rolled back, one holding the lock for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn positions_are_dense_and_become_visible_in_order() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    let reader = support::connect(&url).await;
    let total: i64 = 600;

    let watch = tokio::spawn(async move {
        let mut seen = 0;
        while seen < total {
            let rows = sqlx::query(
                "select position from eventstore.events where position > $1 order by position",
            )
            .bind(seen)
            .fetch_all(&reader)
            .await
            .unwrap();
            for row in rows {
                let position: i64 = row.get(0);
                assert_eq!(position, seen + 1, "a gap or an inversion became visible");
                seen = position;
            }
        }
    });
    let disturb = async {
        let pool = support::connect(&url).await;
        for _ in 0..20 {
            let mut transaction = pool.begin().await.unwrap();
            sqlx::query("select pg_advisory_xact_lock(7236837427)")
                .execute(&mut *transaction)
                .await
                .unwrap();
            transaction.rollback().await.unwrap();
        }
    };
    let write = |log: eventstore::Log, name: &'static str| async move {
        let appends = (0..total / 2).map(|n| {
            let log = log.clone();
            tokio::spawn(async move {
                let id = format!("{name}{n}");
                position(&log.append(command(&id, &id, 0, 1)).await.unwrap())
            })
        });
        futures::future::join_all(appends).await
    };
    let ((), first, second) = tokio::join!(disturb, write(one.clone(), "one"), write(two, "two"));
    tokio::time::timeout(std::time::Duration::from_secs(60), watch).await.unwrap().unwrap();
    let mut positions: Vec<i64> = first.into_iter().chain(second).map(Result::unwrap).collect();
    positions.sort_unstable();
    assert_eq!(positions, (1..=total).collect::<Vec<_>>());
    let times = one.reader().page(0, total).await.unwrap();
    assert!(times.is_sorted_by_key(|event| event.recorded_at), "recorded_at went back");
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
