//! What is nobody's fault is waited out, left to a newer program, or made anew.

use projections::runtime::{RequestError, pause, resume};

use crate::house::{House, counted};
use crate::tally::Tally;

const LEFT_TO_NEWER: &str = "select bool_or(error like '%newer than this program%')
                                    and (select bool_and(holder is null) from projections.leases)
                             from projections.builds";

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_event_is_left_to_a_newer_program_and_never_parked() {
    let house = House::new().await;
    let old = house.start(Tally::default().boxed()).await;
    house.live_when("tally", |_| true).await;
    house.append(&[counted("a", 1), ("Moved", "a", r#"{"n":5}"#.to_owned())]).await;
    house.until(LEFT_TO_NEWER).await;
    assert_eq!(house.tallies().await, [("a".to_owned(), 1)]);
    let waiting = house.live_when("tally", |_| true).await;
    assert!(waiting.error.unwrap().contains("newer than this program"));
    assert_eq!((waiting.position, waiting.parked, waiting.stale), (1, 0, true));

    let new = house.start(Tally { knows_moved: true, ..Tally::default() }.boxed()).await;
    let live = house.caught_up("tally").await;
    assert_eq!((live.parked, house.tallies().await), (0, vec![("a".to_owned(), 6)]));
    old.stop().await;
    new.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_event_version_is_not_taken_for_an_old_one() {
    let house = House::new().await;
    let program = house.start(Tally::default().boxed()).await;
    house.live_when("tally", |_| true).await;
    house.append(&[counted("a", 1)]).await;
    house.append_to("tally", "3.0.0", &[counted("a", 1)]).await;
    house.until(LEFT_TO_NEWER).await;
    assert_eq!(house.tallies().await, [("a".to_owned(), 1)]);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_stalls_the_projection_and_parks_nothing() {
    let house = House::new().await;
    let program = house.start(Tally::default().boxed()).await;
    house.live_when("tally", |_| true).await;
    house.execute("alter table tally_v1_1.seen rename to elsewhere").await;
    house.append(&[counted("a", 1)]).await;
    let live = house.live_when("tally", |live| live.retries > 1).await;
    assert_eq!((live.parked, live.lag_events), (0, 1));
    house.execute("alter table tally_v1_1.elsewhere rename to seen").await;
    let live = house.caught_up("tally").await;
    assert_eq!((live.retries, live.error), (0, None));
    assert_eq!(house.tallies().await, [("a".to_owned(), 1)]);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_commits_has_its_views_made_anew() {
    let house = House::new().await;
    let program = house.start(Tally::default().boxed()).await;
    house.append(&[counted("a", 1), counted("a", 1)]).await;
    house.caught_up("tally").await;
    program.stop().await;
    // A restore that lost the second event, after which the world went on differently.
    house
        .execute(
            "alter table eventstore.events disable trigger all;
             alter table eventstore.commits disable trigger all;
             delete from eventstore.events where position = 2;
             update eventstore.commits set last_position = 1;
             alter table eventstore.events enable trigger all;
             alter table eventstore.commits enable trigger all",
        )
        .await;
    house.append(&[counted("a", 10), counted("a", 100)]).await;
    let program = house.start(Tally::default().boxed()).await;
    house.live_when("tally", |live| live.build == 2).await;
    house.caught_up("tally").await;
    assert_eq!(house.tallies().await, [("a".to_owned(), 111)]);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_projection_waits_until_it_is_resumed() {
    let house = House::new().await;
    let program = house.start(Tally::default().boxed()).await;
    house.live_when("tally", |_| true).await;
    pause(&house.pool, "tally", "ada").await.unwrap();
    let unknown = pause(&house.pool, "nonsense", "ada").await;
    assert!(matches!(unknown, Err(RequestError::UnknownProjection(_))));
    program.stop().await;

    let program = house.start(Tally::default().boxed()).await;
    house.until("select bool_and(until > clock_timestamp()) from projections.leases").await;
    house.append(&[counted("a", 1)]).await;
    let live = house.live_when("tally", |live| live.lag_events == 1).await;
    assert!(live.paused && !live.stalled);
    resume(&house.pool, "tally").await.unwrap();
    house.caught_up("tally").await;
    assert_eq!(house.tallies().await, [("a".to_owned(), 1)]);
    program.stop().await;
}
