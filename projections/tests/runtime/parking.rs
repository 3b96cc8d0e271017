//! An event that will not go in is set aside with what follows it in its stream; the rest goes on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use projections::runtime::{
    Options, ParkedEvent, ParkedGroup, discard, failed_positions, parked, parked_groups, rebuild,
    retry, retry_failed,
};

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
    let failed = failed_positions(&house.pool, "tally", None, 10).await.unwrap();
    assert_eq!(failed, [1]);
    assert_eq!(retry_failed(&house.pool, "tally", &failed).await.unwrap(), 1);
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
    discard(&house.pool, "tally", &[culprit.position], "a typing error", "ada").await.unwrap();
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

#[tokio::test(flavor = "multi_thread")]
async fn events_that_failed_alike_are_a_group_and_given_up_together() {
    let house = House::new().await;
    let program = house.start(Tally::default().boxed()).await;
    let garbage = |id| ("Counted", id, r#"{"n":"many"}"#.to_owned());
    house
        .append(&[garbage("a"), counted("b", UNLUCKY), counted("b", 1), garbage("c"), garbage("d")])
        .await;
    house.caught_up("tally").await;
    let all = parked_groups(&house.pool, None, None, 10).await.unwrap();
    let mut groups: Vec<(i64, i64, i64)> = all.iter().map(summed_up).collect();
    groups.sort_unstable();
    assert_eq!(groups, [(1, 2, 2), (3, 1, 5)], "{all:#?}");
    let after = (all[0].projection.clone(), all[0].group.clone());
    let rest = parked_groups(&house.pool, Some("tally"), Some(after), 10).await.unwrap();
    assert_eq!(rest.iter().map(summed_up).collect::<Vec<_>>(), [summed_up(&all[1])]);

    let group = &all.iter().find(|group| group.events == 3).unwrap().group;
    let two = failed_positions(&house.pool, "tally", Some(group), 2).await.unwrap();
    assert_eq!(two, [1, 4]);
    discard(&house.pool, "tally", &two, "an importer's mistake", "ada").await.unwrap();
    house.live_when("tally", |live| live.parked == 3).await;
    let rest = failed_positions(&house.pool, "tally", Some(group), 10).await.unwrap();
    assert_eq!(rest, [5]);
    assert!(failed_positions(&house.pool, "tally", Some("no group"), 10).await.is_err());
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_and_ids_do_not_part_what_failed_alike() {
    let house = House::new().await;
    for (one, other, alike) in [
        ("event 7 of 12 is odd", "event 8 of 9 is odd", true),
        (
            "no book 0190b6a0-7f4c-7cc1-8f2e-3f7d8c1a2b3c",
            "no book 0190b6a0-7f4c-7cc1-8f2e-3F7D8C1A2B3D",
            true,
        ),
        ("the key \"books_isbn\" is taken", "the key \"books_title\" is taken", false),
    ] {
        let same: bool = sqlx::query_scalar("select projections.alike($1) = projections.alike($2)")
            .bind(one)
            .bind(other)
            .fetch_one(&house.pool)
            .await
            .unwrap();
        assert_eq!(same, alike, "{one} / {other}");
    }
}

fn summed_up(group: &ParkedGroup) -> (i64, i64, i64) {
    (group.events, group.oldest_position, group.newest_position)
}
