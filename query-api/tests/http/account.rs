use domain::account::{Account, Command};
use domain::follow::{self, Follow, FollowId};
use domain::samples::{ada, at, bob};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn i_see_everything_of_me_and_the_public_side_of_others() {
    let world = World::start().await;
    world.register(ada(), "Ada").await;
    let last = world.register(bob(), "Bob").await;
    let token = world.token(ada(), &[]);
    let me = world.get("/accounts/me").bearer(&token).after(last).ok().await;
    assert_eq!((&me["display_name"], &me["email"]), (&json!("Ada"), &json!("Ada@example.org")));
    assert_eq!(me["roles"], json!(["member"]));
    let other = world.get(&format!("/accounts/{}", bob())).bearer(&token).ok().await;
    assert_eq!(other["display_name"], json!("Bob"));
    assert_eq!(other.get("email"), None);
}

#[tokio::test]
async fn followers_are_listed_by_name() {
    let world = World::start().await;
    world.register(ada(), "Ada").await;
    world.register(bob(), "Bob").await;
    let follow = FollowId { follower: ada(), followee: bob() };
    let command = follow::Command::Follow { follow, at: at(0) };
    let last = world.run::<Follow>(follow, command).await;
    let (adas, bobs) = (world.token(ada(), &[]), world.token(bob(), &[]));
    let mine = world.get("/accounts/me/followers").bearer(&bobs).after(last).ok().await;
    assert_eq!(mine["items"][0]["display_name"], json!("Ada"));
    assert_eq!(mine["items"][0]["mutual"], json!(false));
    let following = world.get("/accounts/me/following").bearer(&adas).ok().await;
    assert_eq!(following["items"][0]["account"], json!(bob()));
    for (list, count) in [("followers", 1), ("following", 0)] {
        let page = world.get(&format!("/accounts/{}/{list}", bob())).bearer(&adas).ok().await;
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{list}");
    }
    let seen = world.get(&format!("/accounts/{}", bob())).bearer(&adas).ok().await;
    assert_eq!((&seen["followers"], &seen["followed_by_me"]), (&json!(1), &json!(true)));
    let nobody = world.get(&format!("/accounts/{}/followers", domain::samples::uuid(9)));
    assert_eq!(nobody.bearer(&adas).problem().await, (404, "account-unknown".to_owned()));
}

#[tokio::test]
async fn the_name_of_an_erased_person_is_gone_from_answers_already_in_the_cache() {
    let world = World::start().await;
    world.register(ada(), "Ada").await;
    let last = world.register(bob(), "Bob").await;
    let token = world.token(bob(), &[]);
    let path = format!("/accounts/{}", ada());
    let before = world.get(&path).bearer(&token).after(last).ok().await;
    assert_eq!(before["display_name"], json!("Ada"));
    let erased = world.run::<Account>(ada(), Command::Erase { account: ada(), at: at(1) }).await;
    let after = world.get(&path).bearer(&token).after(erased).ok().await;
    assert_eq!((&after["display_name"], &after["state"]), (&json!(null), &json!("erased")));
}
