use domain::AccountId;
use domain::account::{self, Account};
use domain::course::{Course, samples::publish};
use domain::enrollment::Enrollment;
use domain::enrollment::samples::{complete, course, enroll, enrollment};
use domain::follow::{Follow, FollowId, samples};
use domain::samples::{ada, at, bob, lesson, middlemarch, rust_course, uuid};
use domain::shelf::{self, Shelf, ShelfId};
use serde_json::{Value, json};

use crate::course::draft;
use crate::world::World;

fn carl() -> AccountId {
    uuid(0xca).into()
}

/// Ada, Bob and Carl, a book and a course. Ada follows Bob.
async fn start() -> World {
    let world = World::start().await;
    draft(&world).await;
    world.run::<Course>(rust_course(), publish()).await;
    world.register(carl(), "Carl").await;
    world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    follow(&world, ada(), bob()).await;
    world
}

async fn follow(world: &World, follower: AccountId, followee: AccountId) -> i64 {
    let pair = FollowId { follower, followee };
    world.run::<Follow>(pair, samples::follow(pair)).await
}

async fn unfollow(world: &World, follower: AccountId, followee: AccountId) -> i64 {
    let pair = FollowId { follower, followee };
    world.run::<Follow>(pair, samples::unfollow(pair)).await
}

async fn favour(world: &World, reader: AccountId) -> i64 {
    let shelf = ShelfId { reader, item: middlemarch().into() };
    world.run::<Shelf>(shelf, shelf::Command::AddFavourite { shelf, at: at(0) }).await
}

/// Everything of Bob that there can be in a feed.
async fn bob_is_busy(world: &World) -> i64 {
    world.rate(bob(), middlemarch(), 4).await;
    favour(world, bob()).await;
    world.run::<Enrollment>(enrollment(), enroll(course(1))).await;
    world.run::<Enrollment>(enrollment(), complete(lesson(1), course(1))).await;
    follow(world, bob(), carl()).await
}

async fn feed(world: &World, reader: AccountId, after: i64) -> Vec<Value> {
    let token = world.token(reader, &[]);
    let page = world.get("/accounts/me/feed").bearer(&token).after(after).ok().await;
    page["items"].as_array().unwrap().clone()
}

fn deeds(feed: &[Value]) -> Vec<&str> {
    feed.iter().map(|activity| activity["deed"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_those_whom_i_follow_did_comes_newest_first() {
    let world = start().await;
    favour(&world, carl()).await;
    let last = bob_is_busy(&world).await;

    let seen = feed(&world, ada(), last).await;
    assert_eq!(deeds(&seen), ["followed", "completed", "enrolled", "favourited", "rated"]);
    let bob_by_name = json!({ "account": bob(), "display_name": "Bob" });
    assert!(seen.iter().all(|activity| activity["actor"] == bob_by_name), "{seen:?}");
    assert_eq!(seen[0]["followed"], json!({ "account": carl(), "display_name": "Carl" }));
    assert_eq!((&seen[0]["item"], &seen[0]["score"]), (&json!(null), &json!(null)));
    assert_eq!(seen[1]["item"]["title"], json!("Rust for Readers"));
    assert_eq!(seen[4]["item"]["item"], json!(format!("book:{}", middlemarch())));
    assert_eq!((&seen[4]["followed"], &seen[4]["score"]), (&json!(null), &json!(4)));
    assert_eq!(deeds(&feed(&world, bob(), last).await), ["favourited"], "Bob follows Carl");
    assert!(feed(&world, carl(), last).await.is_empty());
    let stranger = world.get("/accounts/me/feed").problem().await;
    assert_eq!(stranger, (401, "token-required".to_owned()));
}

#[tokio::test]
async fn a_feed_has_pages_over_all_whom_i_follow() {
    let world = start().await;
    follow(&world, ada(), carl()).await;
    favour(&world, carl()).await;
    bob_is_busy(&world).await;
    let last = world.rate(carl(), middlemarch(), 7).await;

    let token = world.token(ada(), &[]);
    let (mut seen, mut path) = (Vec::new(), "/accounts/me/feed?limit=2".to_owned());
    loop {
        let page = world.get(&path).bearer(&token).after(last).ok().await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(items.iter().cloned());
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/accounts/me/feed?limit=2&cursor={next}");
    }
    assert_eq!(seen, feed(&world, ada(), last).await);
    assert_eq!(seen.len(), 7);
}

#[tokio::test]
async fn who_is_followed_no_longer_is_gone_at_once_and_back_with_everything() {
    let world = start().await;
    let last = bob_is_busy(&world).await;
    assert_eq!(feed(&world, ada(), last).await.len(), 5);
    let last = unfollow(&world, ada(), bob()).await;
    assert!(feed(&world, ada(), last).await.is_empty());
    let last = follow(&world, ada(), bob()).await;
    assert_eq!(feed(&world, ada(), last).await.len(), 5);
}

#[tokio::test]
async fn of_an_erased_person_nothing_is_left_neither_by_them_nor_about_them() {
    let world = start().await;
    follow(&world, ada(), carl()).await;
    favour(&world, carl()).await;
    follow(&world, carl(), bob()).await;
    let last = bob_is_busy(&world).await;
    assert_eq!(feed(&world, ada(), last).await.len(), 7);

    let erase = account::Command::Erase { account: bob(), at: at(1) };
    let last = world.run::<Account>(bob(), erase).await;
    let left = feed(&world, ada(), last).await;
    assert_eq!(deeds(&left), ["favourited"], "{left:?}");
    // One page is not full because of those who are left out.
    let token = world.token(ada(), &[]);
    let page = world.get("/accounts/me/feed?limit=1").bearer(&token).after(last).ok().await;
    assert_eq!((&page["items"], &page["next"]), (&json!(left), &json!(null)));
}
