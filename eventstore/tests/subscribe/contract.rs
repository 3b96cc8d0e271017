//! What a subscription promises, over both transports and where it is shared.

use chrono::Utc;
use domain::AccountId;
use domain::rating::{Command, Event, Rating, RatingId, samples};
use eventstore::personal::{PersonalKeys, RootKeys};
use eventstore::{Context, Log, Options, SubscribeError};
use uuid::Uuid;

use crate::world::World;

macro_rules! over_every_way {
    ($($promise:ident),+ $(,)?) => {
        mod over_the_log {
            use crate::world::World;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                super::$promise(World::without_bus().await).await;
            })+
        }
        mod over_jetstream {
            use crate::world::World;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                if let Some(world) = World::with_relay().await {
                    super::$promise(world).await;
                }
            })+
        }
        mod over_the_feed {
            use crate::world::World;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                if let Some(world) = World::with_feed().await {
                    super::$promise(world).await;
                }
            })+
        }
    };
}

over_every_way!(
    everything_comes_once_in_order_from_any_position,
    what_commands_append_comes_whole,
    a_wait_that_was_given_up_loses_nothing,
    a_subscriber_that_pauses_misses_nothing,
    large_events_come_in_small_batches,
    an_event_that_vanished_from_the_log_ends_the_subscription,
    a_position_the_log_never_reached_ends_the_subscription,
    a_log_that_was_replaced_ends_the_subscription,
);

async fn everything_comes_once_in_order_from_any_position(world: World) {
    world.append(700).await;
    let mut followers = Vec::new();
    for from in [0, 1, 137, 699, 700] {
        followers.push((from, world.subscribe(from).await));
    }
    let mut head = 0;
    for commit in 0..100 {
        head = world.append(1 + commit % 7).await;
    }
    for (from, follower) in &mut followers {
        follower.until(head).await;
        follower.received_all_after(*from, &world).await;
    }
}

async fn what_commands_append_comes_whole(world: World) {
    let roots = RootKeys { master: [1; 32], lookup: [2; 32] };
    let keys = PersonalKeys::new(world.pool.clone(), roots);
    let log = Log::open(world.pool.clone(), keys, Options::default()).await.unwrap();
    let mut follower = world.subscribe(0).await;
    let commands = (0..200).map(|number| {
        let log = log.clone();
        async move {
            let reader = AccountId::from(Uuid::now_v7());
            let rating = RatingId { reader, ..samples::rating() };
            let score = samples::score(number % 11);
            let at = Utc::now();
            let context = Context::system("test", format!("rate {number}"), at);
            let command = Command::Rate { rating, score, at };
            log.execute::<Rating>(rating, command, &context).await.unwrap();
        }
    });
    futures::future::join_all(commands).await;
    follower.until(200).await;
    follower.received_all_after(0, &world).await;
    assert!(follower.received.iter().all(|event| event.decode::<Event>().is_ok()));
}

async fn a_wait_that_was_given_up_loses_nothing(world: World) {
    let mut follower = world.subscribe(0).await;
    let mut head = 0;
    for _ in 0..200 {
        head = world.append(1).await;
        tokio::select! {
            biased;
            batch = follower.subscription.next() => {
                follower.received.extend(batch.unwrap().iter().cloned());
            }
            () = tokio::task::yield_now() => {}
        }
    }
    follower.until(head).await;
    follower.received_all_after(0, &world).await;
}

async fn a_subscriber_that_pauses_misses_nothing(world: World) {
    let mut follower = world.subscribe(0).await;
    let mut head = world.append(10).await;
    follower.until(head).await;
    for _ in 0..30 {
        head = world.append(1_000).await;
    }
    follower.until(head).await;
    follower.received_all_after(0, &world).await;
}

async fn large_events_come_in_small_batches(world: World) {
    let head = world.append_sized(300, 250_000).await;
    let mut follower = world.subscribe(0).await;
    let mut largest = 0;
    while follower.position() < head {
        let batch = follower.subscription.next().await.unwrap();
        largest = largest.max(batch.iter().map(|event| event.payload.len()).sum());
        follower.received.extend(batch.iter().cloned());
    }
    follower.received_all_after(0, &world).await;
    assert!(largest < 20 << 20, "one batch had {largest} bytes");
}

async fn an_event_that_vanished_from_the_log_ends_the_subscription(world: World) {
    let head = world.append(100).await;
    let mut follower = world.subscribe(0).await;
    follower.until(head).await;
    world.lose_commits_after(60).await;
    let ended = follower.until_it_ends().await;
    assert_eq!(ended, SubscribeError::Diverged { position: 100 });
    assert_eq!(follower.subscription.next().await.unwrap_err(), ended, "and it stays so");
}

async fn a_position_the_log_never_reached_ends_the_subscription(world: World) {
    world.append(3).await;
    let ended = world.subscribe(4).await.until_it_ends().await;
    assert_eq!(ended, SubscribeError::Diverged { position: 4 });
}

/// Nobody sees the log shorter than it was: it was restored and has grown past where it had been.
async fn a_log_that_was_replaced_ends_the_subscription(world: World) {
    world.append(100).await;
    let mut follower = world.subscribe(0).await;
    follower.until(100).await;
    world.replace_after(60, 80).await;
    let ended = follower.until_it_ends().await;
    assert!(matches!(ended, SubscribeError::Diverged { .. }), "{ended}");
    let mut again = world.subscribe(60).await;
    let head = world.append(80).await;
    again.until(head).await;
    again.received_all_after(60, &world).await;
}
