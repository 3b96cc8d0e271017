//! `verify` finds the live rows equal to a fresh build, or says where they are not.

use std::sync::Arc;

use projections::runtime::{
    Verification, VerificationState, VerifyError, VerifyReport, as_of, request_verification,
    verifications, verify,
};
use tokio::sync::Semaphore;

use crate::house::{House, counted};
use crate::tally::{Tally, UNLUCKY};

async fn check(house: &House, tally: Tally) -> Result<VerifyReport, VerifyError> {
    verify(&house.pool, &house.reader, &tally, &|_| ()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_view_equals_its_fresh_build() {
    let house = House::new().await;
    let program = house.start(Tally::default().boxed()).await;
    let events: Vec<_> = (0..6_000).map(|n| counted("a", n + 100)).collect();
    house.append(&events).await;
    house.caught_up("tally").await;
    let report = check(&house, Tally::default()).await.unwrap();
    assert!(report.equal, "{report:#?}");
    assert_eq!((report.position, report.events, report.tables.len()), (6_000, 6_000, 2));
    house.until("select count(*) = 1 from projections.builds").await;
    house.until("select count(*) = 1 from pg_namespace where nspname like 'tally%'").await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_row_is_found() {
    let house = House::new().await;
    let program = house.start(Tally::default().boxed()).await;
    house.append(&[counted("a", 1), counted("b", 2)]).await;
    house.caught_up("tally").await;
    house.execute("update tally_v1_1.tallies set total = 7 where id = 'b'").await;
    let report = check(&house, Tally::default()).await.unwrap();
    assert!(!report.equal);
    let tallies = report.tables.iter().find(|table| table.table == "tallies").unwrap();
    assert_eq!((tallies.only_live, tallies.only_fresh), (1, 1));
    let rows: Vec<_> = tallies.samples.iter().map(|sample| (&*sample.side, &*sample.row)).collect();
    assert_eq!(rows, [("live", "(b,7)"), ("fresh", "(b,2)")]);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_is_seen_as_it_was_at_a_position_whether_it_is_live_or_not() {
    let house = House::new().await;
    let events: Vec<_> = (0..6_000).map(|n| counted("a", n + 100)).collect();
    house.append(&events).await;
    let total_at = async |position| {
        let total = async |schema: &str| {
            let total = format!("select coalesce(sum(total), 0)::bigint from {schema}.tallies");
            sqlx::query_scalar::<_, i64>(&total).fetch_one(&house.pool).await.unwrap()
        };
        as_of(&house.pool, &house.reader, &Tally::default(), position, &|_| (), total)
            .await
            .unwrap()
    };
    let early = [total_at(1).await, total_at(5_000).await];
    assert_eq!(early, [100, (100..5_100).sum()]);
    let program = house.start(Tally::default().boxed()).await;
    house.caught_up("tally").await;
    assert_eq!(early, [total_at(1).await, total_at(5_000).await]);
    house.until("select count(*) = 1 from projections.builds").await;
    house.until("select count(*) = 1 from pg_namespace where nspname like 'tally%'").await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parked_streams_are_left_out_of_the_comparison() {
    let house = House::new().await;
    let program = house.start(Tally::default().boxed()).await;
    house.append(&[counted("a", UNLUCKY), counted("a", 1), counted("b", 2)]).await;
    house.caught_up("tally").await;
    let report = check(&house, Tally::default()).await.unwrap();
    assert!(report.equal, "{report:#?}");
    assert_eq!((report.left_out, report.events), (2, 1));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_verified_while_the_log_grows() {
    let house = House::new().await;
    let program = house.start(Tally::default().boxed()).await;
    house.append(&[counted("a", 1)]).await;
    house.caught_up("tally").await;
    let writing = async {
        for _ in 0..100 {
            house.append(&[counted("a", 1), counted("b", 3)]).await;
        }
    };
    let (report, ()) = tokio::join!(check(&house, Tally::default()), writing);
    let report = report.unwrap();
    assert!(report.equal, "{report:#?}");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_not_live_cannot_be_verified() {
    let house = House::new().await;
    let program = house.start(Tally::default().boxed()).await;
    house.live_when("tally", |_| true).await;
    let refused = check(&house, Tally { version: 2, ..Tally::default() }).await;
    assert!(matches!(refused, Err(VerifyError::NotLive { .. })));
    program.stop().await;
}

async fn asked(house: &House) -> Vec<Verification> {
    verifications(&house.pool, "tally", None, 10).await.unwrap()
}

const NOTHING_OPEN: &str = "select not exists (select from projections.verifications
                                              where state in ('waiting', 'running'))";

#[tokio::test(flavor = "multi_thread")]
async fn comparisons_that_are_asked_for_are_made_once_each_by_whoever_runs_the_projection() {
    let house = House::new().await;
    house.append(&[counted("a", 1), counted("b", 2)]).await;
    request_verification(&house.pool, "tally", 1, "ada").await.unwrap();
    let programs =
        [house.start(Tally::default().boxed()).await, house.start(Tally::default().boxed()).await];
    house.until(NOTHING_OPEN).await;
    house.execute("update tally_v1_1.tallies set total = 7 where id = 'b'").await;
    for _ in 0..2 {
        request_verification(&house.pool, "tally", 2, "bob").await.unwrap();
    }
    house.until(NOTHING_OPEN).await;

    let [second, first] = &asked(&house).await[..] else { panic!("{:#?}", asked(&house).await) };
    let equal = |one: &Verification| one.report.as_ref().unwrap()["equal"].as_bool();
    assert_eq!((first.id, first.requested_by.as_str(), equal(first)), (1, "ada", Some(true)));
    assert_eq!((second.id, second.requested_by.as_str(), equal(second)), (2, "bob", Some(false)));
    assert_eq!((first.attempts, second.attempts), (1, 1));
    assert!(first.finished_at >= first.started_at && first.finished_at.is_some());
    for program in programs {
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_that_a_killed_program_leaves_behind_is_made_by_the_next() {
    let house = House::new().await;
    let gate = Arc::new(Semaphore::new(1));
    let slow = Tally { gate: Some(gate), ..Tally::default() };
    let first = house.start(slow.boxed()).await;
    house.append(&[counted("a", 1)]).await;
    house.caught_up("tally").await;
    request_verification(&house.pool, "tally", 1, "ada").await.unwrap();
    house.until("select state = 'running' from projections.verifications").await;
    first.kill().await;

    let second = house.start(Tally::default().boxed()).await;
    house.until(NOTHING_OPEN).await;
    let [one] = &asked(&house).await[..] else { panic!("{:#?}", asked(&house).await) };
    assert_eq!((one.state, one.attempts), (VerificationState::Done, 2), "{one:#?}");
    second.stop().await;
}
