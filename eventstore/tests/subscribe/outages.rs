//! NATS may come late, go away and come back.

use local_services::{Options, Services, Signal, testing};

use crate::world::World;

/// A nats-server of this test's own.
fn nats() -> Option<Services> {
    testing::nats()?;
    let options = Options { postgres: false, ..testing::options() };
    Some(local_services::start(&options).unwrap())
}

fn kill(services: &Services) {
    local_services::signal(services.nats_pid().unwrap(), Signal::Kill);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats_may_appear_after_everything_else() {
    let Some(mut services) = nats() else { return };
    kill(&services);
    let mut world = World::without_bus().await.on(&services.nats_url().unwrap()).await;
    world.start_relay().await;
    let mut follower = world.subscribe(0).await;
    let head = world.append(50).await;
    follower.until(head).await;
    assert!(!world.bus.as_ref().unwrap().is_connected());

    tokio::task::block_in_place(|| services.revive().unwrap());
    let status = world.stream_complete().await;
    assert_eq!((status.first, status.last), (1, 50));
    let head = world.append(50).await;
    follower.until(head).await;
    follower.received_all_after(0, &world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats_may_die_and_come_back_under_load() {
    let Some(mut services) = nats() else { return };
    let mut world = World::without_bus().await.on(&services.nats_url().unwrap()).await;
    world.start_relay().await;
    let mut follower = world.subscribe(0).await;
    let mut head = 0;
    for commit in 0..90 {
        head = world.append(10).await;
        match commit {
            20 | 50 => {
                follower.until(head).await;
                kill(&services);
            }
            40 | 70 => {
                follower.until(head).await;
                tokio::task::block_in_place(|| services.revive().unwrap());
                world.stream_complete().await;
            }
            _ => {}
        }
    }
    follower.until(head).await;
    follower.received_all_after(0, &world).await;
    world.stream_complete().await;
}
