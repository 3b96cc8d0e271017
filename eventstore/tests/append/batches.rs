//! What one command means for the others of its batch.

use eventstore::StreamId;
use eventstore::append::{Append, Guard, Verdict, Write};
use uuid::Uuid;

use crate::{command, position, sequences, support};

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

/// One set is sent behind another before that has its answer, also where a command of it is wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_at_once_keeps_the_order_of_the_line() {
    let log = support::log().await;
    for round in 0..3 {
        let appends = (0..600).map(|n| {
            let expected = if n % 97 == 50 { 9 } else { 0 };
            let name = format!("{round}-{n}");
            log.append(command(&name, &name, expected, n % 3))
        });
        let answers = futures::future::join_all(appends).await;
        let mut last = 0;
        for (number, answer) in answers.into_iter().map(Result::unwrap).enumerate() {
            match answer {
                Verdict::Appended(stored) => {
                    assert!(stored.position >= last, "{number} overtook those before it");
                    last = stored.position;
                }
                other => assert_eq!((number % 97, other), (50, Verdict::Conflict { current: 0 })),
            }
        }
    }
    let seen = log.reader().page(0, 10_000).await.unwrap();
    assert!(seen.iter().zip(1..).all(|(event, position)| event.position == position));
}
