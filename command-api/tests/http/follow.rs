use uuid::Uuid;

use crate::world::World;

#[tokio::test]
async fn a_reader_follows_and_unfollows_another() {
    let world = World::start().await;
    let (ada, bob) = (world.person("ada").await, world.person("bob").await);
    let path = format!("/accounts/me/following/{}", bob.id);
    let followed = world.put(&path).bearer(&ada.token).bare().await.done();
    assert_eq!(followed.body["stream"]["id"], format!("{}:{}", ada.id, bob.id));
    let again = world.put(&path).bearer(&ada.token).bare().await.done();
    assert_eq!(again.body["unchanged"], true);
    world.delete(&path).bearer(&ada.token).bare().await.done();
    let nobody = world.delete(&path).bearer(&ada.token).bare().await.done();
    assert_eq!(nobody.body["unchanged"], true);
}

#[tokio::test]
async fn nobody_follows_oneself_or_somebody_who_is_not_there() {
    let world = World::start().await;
    let (ada, bob) = (world.person("ada").await, world.person("bob").await);
    let follow = async |whom: String| {
        world.put(&format!("/accounts/me/following/{whom}")).bearer(&ada.token).bare().await
    };
    assert_eq!(follow(ada.id.to_string()).await.problem(), (409, "follows-oneself"));
    assert_eq!(follow(Uuid::now_v7().to_string()).await.problem(), (404, "account-unknown"));
    assert_eq!(follow("x".into()).await.problem(), (422, "invalid"));
    world.delete("/accounts/me").bearer(&bob.token).bare().await.done();
    assert_eq!(follow(bob.id.to_string()).await.problem(), (404, "account-unknown"));
}
