//! A new version, or a new build of the same one, takes over without a gap.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use eventstore::RecordedEvent;
use projections::runtime::{rebuild, verify};
use projections::{Projection, ProjectionError};
use sqlx::PgConnection;

use crate::house::{House, counted};
use crate::tally::Tally;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_build_of_an_empty_system_is_live_at_once() {
    let house = House::new().await;
    let program = house.start(Tally::default().boxed()).await;
    let live = house.live_when("tally", |_| true).await;
    assert_eq!((live.position, house.tallies().await), (0, vec![]));
    program.stop().await;
}

/// One of many, each with a table of its own.
struct Numbered {
    name: &'static str,
    schema: &'static str,
}

#[async_trait]
impl Projection for Numbered {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &["tally"]
    }

    fn schema(&self) -> &'static str {
        self.schema
    }

    async fn apply(
        &self,
        _: &[&RecordedEvent],
        _: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        Ok(())
    }
}

/// A worker's pool has 10 connections; each build would like two.
#[tokio::test(flavor = "multi_thread")]
async fn more_builds_than_there_are_connections_go_live_together() {
    let house = House::new().await;
    house.append(&[counted("a", 1)]).await;
    let numbered = |number: usize| -> Arc<dyn Projection> {
        let name: &'static str = format!("numbered_{number}").leak();
        let schema = format!("create table {name} (id text primary key);").leak();
        Arc::new(Numbered { name, schema })
    };
    let program = house.start((0..40).map(numbered).collect()).await;
    house.until("select count(*) = 40 from projections.live where position = 1").await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_takes_over_while_the_old_one_serves() {
    let house = House::new().await;
    let old = house.start(Tally::default().boxed()).await;
    let events: Vec<_> = (0..20_000).map(|_| counted("a", 1)).collect();
    house.append(&events).await;
    house.caught_up("tally").await;

    let reader = watch_total(&house);
    let new = house.start(Tally { version: 2, ..Tally::default() }.boxed()).await;
    for _ in 0..50 {
        house.append(&[counted("a", 1)]).await;
    }
    house.live_when("tally", |live| live.version == 2 && live.lag_events == 0).await;
    house.append(&[counted("a", 1)]).await;
    house.caught_up("tally").await;
    let reads = reader.finish().await;
    assert!(reads > 0);
    let total: i64 = sqlx::query_scalar("select total::bigint from readmodel.tallies")
        .fetch_one(&house.pool)
        .await
        .unwrap();
    assert_eq!(total, 20_051);
    // The old release, still running, does not fight for its version; its tables are dropped.
    house.until("select count(*) = 1 from projections.builds").await;
    house.until("select count(*) = 1 from pg_namespace where nspname like 'tally%'").await;
    old.stop().await;
    new.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_without_its_program_is_marked_stale() {
    let house = House::new().await;
    let old = house.start(Tally::default().boxed()).await;
    house.append(&[counted("a", 1)]).await;
    house.caught_up("tally").await;
    old.stop().await;
    let live = house.live_when("tally", |live| live.stale).await;
    assert_eq!(house.tallies().await, [("a".to_owned(), 1)]);
    assert!(!live.paused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_equals_what_it_replaces() {
    let house = House::new().await;
    let program = house.start(Tally::default().boxed()).await;
    house.append(&[counted("a", 1), counted("b", 5), counted("a", 2)]).await;
    house.caught_up("tally").await;
    let before = house.tallies().await;
    let key = rebuild(&house.pool, "tally").await.unwrap();
    let live = house.live_when("tally", |live| live.build == key.build).await;
    assert_eq!((live.position, house.tallies().await), (3, before));
    house.append(&[counted("a", 1)]).await;
    house.caught_up("tally").await;
    assert_eq!(house.tallies().await[0], ("a".to_owned(), 4));
    program.stop().await;
}

/// Reads the view all the time; it must always be there and never go back.
fn watch_total(house: &House) -> Watch {
    let pool = house.pool.clone();
    let done = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&done);
    let task = tokio::spawn(async move {
        let (mut reads, mut last) = (0, 0);
        while !stop.load(Ordering::SeqCst) {
            let total: i64 = sqlx::query_scalar("select total::bigint from readmodel.tallies")
                .persistent(false)
                .fetch_one(&pool)
                .await
                .unwrap();
            assert!(total >= last, "the view went from {last} back to {total}");
            (reads, last) = (reads + 1, total);
        }
        reads
    });
    Watch { done, task }
}

struct Watch {
    done: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<u64>,
}

impl Watch {
    async fn finish(self) -> u64 {
        self.done.store(true, Ordering::SeqCst);
        self.task.await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_with_much_to_read_has_all_its_indexes_when_it_goes_live() {
    let house = House::new().await;
    for _ in 0..3 {
        house.append(&(0..8_000).map(|n| counted("a", 100 + n)).collect::<Vec<_>>()).await;
    }
    let program = house.start(Tally::default().boxed()).await;
    house.caught_up("tally").await;
    // Only a build that made them last has statistics at once.
    house
        .until(
            "select exists (select from pg_indexes
                            where schemaname = 'tally_v1_1' and indexname = 'seen_often')
                    and exists (select from pg_stats where schemaname = 'tally_v1_1')
                    and (select indexes = '{}' from projections.builds)",
        )
        .await;
    let report = verify(&house.pool, &house.reader, &Tally::default(), &|_| {}).await.unwrap();
    assert!(report.equal, "{report:#?}");
    program.stop().await;
}
