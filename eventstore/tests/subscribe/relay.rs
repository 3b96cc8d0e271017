//! What the relay puts into the stream.

use futures::StreamExt;
use futures::stream;

use crate::world::World;

/// Every message of the stream says what the log says at its place.
async fn stream_equals_log(world: &World) {
    let status = world.stream_complete().await;
    let stream = world.stranger().await.get_stream(world.stream_name()).await.unwrap();
    let log = world.log().await;
    assert_eq!(status.messages, u64::try_from(status.last - status.first + 1).unwrap());
    let published = &log[usize::try_from(status.first - 1).unwrap()..];
    let mut messages = stream::iter(published)
        .map(|event| stream.get_raw_message(event.position.unsigned_abs()))
        .buffered(50);
    for event in published {
        let message = messages.next().await.unwrap().unwrap();
        let header = |name: &str| message.headers.get(name).unwrap().as_str().to_owned();
        assert_eq!(header("ce-id"), event.position.to_string());
        assert_eq!(header("ce-leaf"), hex::encode(event.leaf()));
        assert_eq!(message.payload, event.payload.as_bytes());
        assert_eq!(message.subject.as_str(), world.subject());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_is_at_its_own_position() {
    let Some(mut world) = World::with_bus().await else { return };
    world.append(900).await;
    world.start_relay().await;
    world.append(100).await;
    stream_equals_log(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_relays_neither_repeat_nor_reorder() {
    let Some(mut world) = World::with_bus().await else { return };
    world.append(2_000).await;
    for _ in 0..3 {
        world.start_relay().await;
    }
    let mut follower = world.subscribe(0).await;
    let mut head = 0;
    for commit in 0..200 {
        head = world.append(1 + commit % 9).await;
    }
    follower.until(head).await;
    follower.received_all_after(0, &world).await;
    stream_equals_log(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_stood_by_takes_over() {
    let Some(mut world) = World::with_relay().await else { return };
    world.append(100).await;
    world.stream_complete().await;
    world.start_relay().await;
    world.append(100).await;
    world.stream_complete().await;
    // Whichever of the two is publishing, the third was not there before.
    world.stop_relays();
    world.append(100).await;
    world.start_relay().await;
    world.start_relay().await;
    stream_equals_log(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_too_large_for_a_message_keeps_its_place() {
    let Some(world) = World::with_relay().await else { return };
    let mut follower = world.subscribe(0).await;
    world.append(10).await;
    follower.until(10).await;
    world.append_sized(2, 2 << 20).await;
    let head = world.append(10).await;
    follower.until(head).await;
    follower.received_all_after(0, &world).await;
    assert_eq!(world.stream_complete().await.messages, 22);
}
