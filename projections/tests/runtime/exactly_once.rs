//! Every event takes effect once, whoever is killed, frozen or raced.

use std::sync::Arc;
use std::time::Duration;

use eventstore::{Bus, relay};
use local_services::{Services, Signal, signal};
use projections::Projection;
use projections::runtime::Options;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::house::{House, counted};
use crate::tally::{Idler, Tally};

fn sum(tallies: &[(String, i64)]) -> i64 {
    tallies.iter().map(|(_, total)| total).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_follow_the_log_and_idle_checkpoints_follow_too() {
    let house = House::new().await;
    let projections: Vec<Arc<dyn Projection>> = vec![Arc::new(Tally::default()), Arc::new(Idler)];
    let program = house.start(projections).await;
    house.append(&[counted("a", 1), counted("b", 2)]).await;
    house.append(&[counted("a", 10)]).await;
    house.caught_up("tally").await;
    assert_eq!(house.tallies().await, [("a".to_owned(), 11), ("b".to_owned(), 2)]);
    let idle = house.caught_up("idler").await;
    assert_eq!(idle.position, 3);
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_nats_is_caught_up_with_in_pages() {
    let house = House::new().await;
    let events: Vec<_> = (0..9_500).map(|_| counted("a", 1)).collect();
    house.append(&events).await;
    let program = house.start(Tally::default().boxed()).await;
    let live = house.caught_up("tally").await;
    assert_eq!((live.position, house.tallies().await), (9_500, vec![("a".to_owned(), 9_500)]));
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_over_nats_as_well() {
    let Some(nats) = local_services::testing::nats() else { return };
    let house = House::new().await;
    let bus = Bus::connect(&nats).await.unwrap();
    let shutdown = CancellationToken::new();
    let relaying = tokio::spawn(relay(house.reader.clone(), bus.clone(), shutdown.clone()));
    let program = house.start_with(Tally::default().boxed(), Some(bus), Options::default()).await;
    for _ in 0..20 {
        house.append(&[counted("a", 1)]).await;
    }
    house.caught_up("tally").await;
    assert_eq!(house.tallies().await, [("a".to_owned(), 20)]);
    program.stop().await;
    shutdown.cancel();
    relaying.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_workers_and_cut_connections_lose_and_repeat_nothing() {
    let house = House::new().await;
    let options = Options { lease_ttl: Duration::from_millis(300), ..quick() };
    let mut program = house.start_with(Tally::default().boxed(), None, options.clone()).await;
    for round in 1..=40 {
        house.append(&[counted("a", 1), counted("b", 1), counted("c", 1)]).await;
        if round % 5 == 0 {
            house
                .execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity
                     where pid <> pg_backend_pid() and datname = current_database()
                       and query ilike '%tallies%' and query not ilike '%terminate%'",
                )
                .await;
        }
        if round % 8 == 0 {
            let next = house.start_with(Tally::default().boxed(), None, options.clone()).await;
            program.kill().await;
            program = next;
        }
    }
    house.caught_up("tally").await;
    assert_eq!(sum(&house.tallies().await), 120);
    program.stop().await;
}

/// Batches do not wait for the disk, so a crash takes the last ones back: rows and checkpoints
/// together. Nobody has to append anything for them to come back.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_of_the_database_took_back_is_done_again_by_itself() {
    let services = tokio::task::spawn_blocking(local_services::testing::crashable).await;
    let mut services = services.unwrap();
    let url = services.database_url().unwrap();
    let mut house = House::at(url.clone()).await;
    eventstore::migrate(&house.pool).await.unwrap();
    // Nothing else brings what was not waited for to the disk meanwhile.
    services.execute("postgres", "alter system set wal_writer_delay = '10s'").unwrap();
    services.execute("postgres", "select pg_reload_conf()").unwrap();
    let projections: Vec<Arc<dyn Projection>> = vec![Arc::new(Tally::default()), Arc::new(Idler)];
    let program = house.start(projections).await;
    let mut expected = 0;
    for round in 1..=5 {
        house.append(&[counted("a", round)]).await;
        expected += round;
        house.caught_up("tally").await;
        house.caught_up("idler").await;
        signal(services.postgres_pid().unwrap(), Signal::Kill);
        services = tokio::task::spawn_blocking(move || revived(services)).await.unwrap();
        house = House::at(url.clone()).await;
        house.caught_up("tally").await;
        house.caught_up("idler").await;
        assert_eq!(house.tallies().await, [("a".to_owned(), expected)]);
    }
    program.stop().await;
}

fn revived(mut services: Services) -> Services {
    while services.revive().unwrap().is_empty() {
        std::thread::yield_now();
    }
    services
}

#[tokio::test(flavor = "multi_thread")]
async fn another_worker_takes_over_within_five_seconds_of_a_kill() {
    let house = House::new().await;
    let mut holder = house.start_with(Tally::default().boxed(), None, Options::default()).await;
    house.append(&[counted("a", 1)]).await;
    house.caught_up("tally").await;
    let mut fastest = Duration::MAX;
    // The machine may be busy; what counts is that it does not take longer by itself.
    for workers in 2..=4 {
        let next = house.start_with(Tally::default().boxed(), None, Options::default()).await;
        house.until(&format!("select count(*) = {workers} from projections.workers")).await;
        holder.kill().await;
        let killed = Instant::now();
        house.append(&[counted("a", 1)]).await;
        house.caught_up("tally").await;
        fastest = fastest.min(killed.elapsed());
        holder = next;
    }
    assert!(fastest < Duration::from_secs(5), "it took {fastest:?}");
    assert_eq!(house.tallies().await, [("a".to_owned(), 4)]);
    holder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_frozen_in_its_transaction_is_overtaken_and_changes_nothing_when_it_wakes() {
    let house = House::new().await;
    let gate = Arc::new(Semaphore::new(0));
    let frozen = Tally { gate: Some(Arc::clone(&gate)), ..Tally::default() };
    // It never renews its lease: as frozen as its transaction.
    let sleepy = Options { tick: Duration::from_secs(3600), ..quick() };
    let first = house.start_with(frozen.boxed(), None, sleepy).await;
    house.live_when("tally", |_| true).await;
    house.append(&[counted("a", 1)]).await;
    house
        .until(
            "select exists (select from pg_stat_activity
                            where state = 'idle in transaction' and query ilike '%into seen%')",
        )
        .await;

    let second = house.start_with(Tally::default().boxed(), None, quick()).await;
    house.append(&[counted("a", 1)]).await;
    house.caught_up("tally").await;
    gate.add_permits(100);
    house.append(&[counted("a", 1)]).await;
    house.caught_up("tally").await;
    assert_eq!(house.tallies().await, [("a".to_owned(), 3)]);
    first.kill().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_share_the_projections_between_them() {
    let house = House::new().await;
    let both = || -> Vec<Arc<dyn Projection>> { vec![Arc::new(Tally::default()), Arc::new(Idler)] };
    let first = house.start(both()).await;
    house
        .until("select count(*) = 2 from projections.leases where until > clock_timestamp()")
        .await;
    let second = house.start(both()).await;
    house
        .until(
            "select count(distinct holder) = 2 from projections.leases
             where until > clock_timestamp()",
        )
        .await;
    house.append(&[counted("a", 1)]).await;
    house.caught_up("tally").await;
    house.caught_up("idler").await;
    first.stop().await;
    second.stop().await;
}

fn quick() -> Options {
    Options {
        lease_ttl: Duration::from_millis(500),
        tick: Duration::from_millis(100),
        ..Options::default()
    }
}
