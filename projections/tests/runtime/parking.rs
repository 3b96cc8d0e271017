//! An event that will not go in is set aside with what follows it in its stream; the rest goes on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use projections::runtime::{Options, ParkedEvent, discard, parked, rebuild, retry, retry_all};

use crate::house::{House, counted};
use crate::tally::{Tally, UNLUCKY};

async fn positions(house: &House) -> Vec<(i64, bool)> {
    let parked: Vec<ParkedEvent> = parked(&house.pool, Some("tally"), 0, 100).await.unwrap();
    parked.iter().map(|event| (event.position, event.error.is_some())).collect()
}

async fn first_parked(house: &House) -> ParkedEvent {
    parked(&house.pool, None, 0, 1).await.unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_culprit_is_parked_and_others_go_on_until_it_is_retried() {
    let house = House::new().await;
    let tally = Tally::default();
    let repaired = tally.repaired.clone();
    let program = house.start(tally.boxed()).await;
    house
        .append(&[
            counted("a", 1),
            counted("b", 1),
            counted("a", UNLUCKY),
            counted("a", 2),
            counted("b", 2),
        ])
        .await;
    house.append(&[counted("a", 3), counted("c", 5)]).await;
    let live = house.caught_up("tally").await;
    assert!(live.degraded);
    assert_eq!(positions(&house).await, [(3, true), (4, false), (6, false)]);
    let rows = [("a".to_owned(), 1), ("b".to_owned(), 3), ("c".to_owned(), 5)];
    assert_eq!(house.tallies().await, rows);
    let culprit = first_parked(&house).await;
    assert!(culprit.error.unwrap().contains("seen_number_check"));

    repaired.store(true, Ordering::SeqCst);
    retry(&house.pool, culprit.id).await.unwrap();
    house.live_when("tally", |live| !live.degraded).await;
    house.append(&[counted("a", 100)]).await;
    house.caught_up("tally").await;
    assert_eq!(house.tallies().await[0], ("a".to_owned(), 119));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_fails_again_keeps_the_event_parked() {
    let house = House::new().await;
    let program = house.start(Tally::default().boxed()).await;
    house.append(&[counted("a", UNLUCKY), counted("a", 2)]).await;
    house.caught_up("tally").await;
    assert_eq!(retry_all(&house.pool, "tally", 10).await.unwrap(), (1, Some(1)));
    house
        .until(
            "select attempts = 1 and due_at > clock_timestamp()
             from projections.parked where error is not null",
        )
        .await;
    assert_eq!(positions(&house).await, [(1, true), (2, false)]);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_event_is_tried_again_when_it_is_due() {
    let house = House::new().await;
    let tally = Tally::default();
    let repaired = tally.repaired.clone();
    let options = Options { parked_wait: Duration::from_secs(1), ..Options::default() };
    let program = house.start_with(tally.boxed(), None, options).await;
    house.append(&[counted("a", UNLUCKY)]).await;
    house.live_when("tally", |live| live.degraded).await;
    repaired.store(true, Ordering::SeqCst);
    house.live_when("tally", |live| !live.degraded).await;
    assert_eq!(house.tallies().await, [("a".to_owned(), UNLUCKY)]);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_discarded_stays_so_in_later_builds() {
    let house = House::new().await;
    let program = house.start(Tally::default().boxed()).await;
    house.append(&[counted("a", 1), counted("a", UNLUCKY), counted("a", 2)]).await;
    house.caught_up("tally").await;
    let culprit = first_parked(&house).await;
    discard(&house.pool, culprit.id, "a typing error", "ada").await.unwrap();
    house.live_when("tally", |live| !live.degraded).await;
    assert_eq!(house.tallies().await, [("a".to_owned(), 3)]);

    let key = rebuild(&house.pool, "tally").await.unwrap();
    let live = house.live_when("tally", |live| live.build == key.build).await;
    assert!(!live.degraded);
    assert_eq!(house.tallies().await, [("a".to_owned(), 3)]);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parked_streams_are_remembered_by_the_next_worker() {
    let house = House::new().await;
    let first = house.start(Tally::default().boxed()).await;
    house.append(&[counted("a", UNLUCKY)]).await;
    house.caught_up("tally").await;
    first.stop().await;
    let second = house.start(Tally::default().boxed()).await;
    house.append(&[counted("a", 1), counted("b", 1)]).await;
    house.caught_up("tally").await;
    assert_eq!(house.tallies().await, [("b".to_owned(), 1)]);
    assert_eq!(positions(&house).await, [(1, true), (2, false)]);
    second.stop().await;
}
