//! The stream is disposable: whatever happens to it, nothing is lost and it comes back.

use std::time::Instant;

use async_nats::jetstream::stream::Config;

use crate::world::{POLL, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_the_stream_under_load_loses_nothing() {
    let Some(world) = World::with_relay().await else { return };
    let stranger = world.stranger().await;
    let mut follower = world.subscribe(0).await;
    let mut head = 0;
    for commit in 0..300 {
        head = world.append(10).await;
        if commit % 100 == 50 {
            follower.until(head - 5).await;
            // Under this load the relay may not even have made it yet.
            while stranger.delete_stream(world.stream_name()).await.is_err() {
                tokio::time::sleep(POLL).await;
            }
        }
    }
    follower.until(head).await;
    follower.received_all_after(0, &world).await;
    world.stream_complete().await;
    // And it follows the new stream.
    let head = world.append(10).await;
    follower.until(head).await;
    follower.received_all_after(0, &world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_tail_is_delivered_within_a_second() {
    let Some(mut world) = World::with_relay().await else { return };
    let mut follower = world.subscribe(0).await;
    let mut fastest = u128::MAX;
    // The machine may be busy; what counts is that it does not take a second by itself.
    for _ in 0..3 {
        let head = world.append(100).await;
        follower.until(head).await;
        world.start_relay().await;
        world.stream_complete().await;
        world.stop_relays();
        let head = world.append(5).await;
        let since = Instant::now();
        follower.until(head).await;
        fastest = fastest.min(since.elapsed().as_millis());
    }
    assert!(fastest < 1_000, "it took {fastest} ms");
    follower.received_all_after(0, &world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_deleted_from_the_end_of_the_stream_are_read_from_the_log() {
    let Some(mut world) = World::with_relay().await else { return };
    world.append(100).await;
    world.stream_complete().await;
    world.stop_relays();
    let stream = world.stranger().await.get_stream(world.stream_name()).await.unwrap();
    for position in 81..=100 {
        stream.delete_message(position).await.unwrap();
    }
    let mut follower = world.subscribe(70).await;
    follower.until(100).await;
    follower.received_all_after(70, &world).await;
    let status = world.bus.as_ref().unwrap().status(&world.reader).await.unwrap().unwrap();
    assert!(status.fault.unwrap().contains("deleted"));
    world.start_relay().await;
    world.stream_complete().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_strangers_are_replaced_by_the_events_of_the_log() {
    let Some(mut world) = World::with_relay().await else { return };
    let mut follower = world.subscribe(0).await;
    let head = world.append(50).await;
    follower.until(head).await;
    world.stream_complete().await;
    world.stop_relays();
    let stranger = world.stranger().await;
    for number in 0..5 {
        let body = format!("noise {number}");
        stranger.publish(world.subject(), body.into()).await.unwrap().await.unwrap();
    }
    let head = world.append(20).await;
    follower.until(head).await;
    follower.received_all_after(0, &world).await;
    // Position 55 is not what the log says; the next relay makes the stream anew.
    world.start_relay().await;
    world.stream_complete().await;
    let head = world.append(20).await;
    follower.until(head).await;
    follower.received_all_after(0, &world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_stream_is_replaced() {
    let Some(mut world) = World::with_bus().await else { return };
    let stranger = world.stranger().await;
    let foreign = Config {
        name: world.stream_name().to_owned(),
        subjects: vec![format!("{}.>", world.stream_name().to_lowercase())],
        max_messages_per_subject: 1,
        ..Config::default()
    };
    stranger.create_stream(foreign).await.unwrap();
    for _ in 0..10 {
        stranger.publish(world.subject(), "not ours".into()).await.unwrap().await.unwrap();
    }
    world.append(30).await;
    let mut follower = world.subscribe(0).await;
    world.start_relay().await;
    let status = world.stream_complete().await;
    assert_eq!((status.first, status.last, status.messages), (1, 30, 30));
    let head = world.append(30).await;
    follower.until(head).await;
    follower.received_all_after(0, &world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_with_another_history_is_made_anew() {
    let Some(mut world) = World::with_relay().await else { return };
    world.append(100).await;
    world.stream_complete().await;
    world.stop_relays();
    // The restored log is longer than the stream by now, and different from 51 on.
    world.lose_commits_after(50).await;
    let head = world.append(60).await;
    // Who follows before a relay has noticed does not believe the stream.
    let mut follower = world.subscribe(50).await;
    follower.until(head).await;
    world.start_relay().await;
    let status = world.stream_complete().await;
    assert_eq!((status.last, status.messages), (110, 110));
    let head = world.append(10).await;
    follower.until(head).await;
    follower.received_all_after(50, &world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_relay_notices_that_the_log_went_back() {
    let Some(world) = World::with_relay().await else { return };
    world.append(100).await;
    world.stream_complete().await;
    world.lose_commits_after(50).await;
    world.stream_complete().await;
    world.append(70).await;
    let status = world.stream_complete().await;
    assert_eq!((status.last, status.messages), (120, 120));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_stream_begins_near_the_end_of_a_long_log() {
    let Some(mut world) = World::with_bus().await else { return };
    world.append(100_500).await;
    world.start_relay().await;
    let head = world.append(5).await;
    let mut follower = world.subscribe(head - 1).await;
    follower.until(head).await;
    let bus = world.bus.clone().unwrap();
    let status = loop {
        if let Some(status) = bus.status(&world.reader).await.unwrap() {
            break status;
        }
        tokio::time::sleep(POLL).await;
    };
    assert!((501..=506).contains(&status.first), "it begins at {}", status.first);
}
