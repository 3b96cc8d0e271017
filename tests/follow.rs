use crate::system::System;

#[tokio::test]
async fn a_follower_shows_up_on_both_sides() {
    let system = System::start().await;
    let (ada, bob) = (system.ada().await, system.bob().await);

    let followed = ada.follow(&bob).await.accepted();

    let followers = bob.get(format!("accounts/{}/followers", bob.id)).after(&followed).await;
    assert_eq!(followers["items"][0]["account"], ada.id.to_string(), "{followers}");
    let following = ada.get(format!("accounts/{}/following", ada.id)).after(&followed).await;
    assert_eq!(following["items"][0]["account"], bob.id.to_string(), "{following}");
    let profile = ada.get(format!("accounts/{}", bob.id)).after(&followed).await;
    assert_eq!(profile["followers"], 1, "{profile}");
}

#[tokio::test]
async fn who_stops_following_is_gone_from_the_list() {
    let system = System::start().await;
    let (ada, bob) = (system.ada().await, system.bob().await);
    ada.follow(&bob).await.accepted();

    let last = ada.delete(format!("accounts/me/following/{}", bob.id)).await.accepted();

    let followers = bob.get(format!("accounts/{}/followers", bob.id)).after(last).await;
    assert_eq!(followers["items"].as_array().map(Vec::len), Some(0), "{followers}");
}

#[tokio::test]
async fn nobody_follows_himself() {
    let system = System::start().await;
    let ada = system.ada().await;

    let answer = ada.follow(&ada).await;

    assert_eq!(answer.status.as_u16(), 409, "{answer}");
}
