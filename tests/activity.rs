use serde_json::json;

use crate::system::{Answer, Client, School};

const FEED: &str = "accounts/me/feed";

fn deeds(feed: &Answer) -> Vec<&str> {
    let items = feed["items"].as_array().unwrap();
    items.iter().map(|activity| activity["deed"].as_str().unwrap()).collect()
}

/// A book that he rates and borrows, and a course that he takes to its end.
async fn busy(school: &School, bob: &Client) {
    let mercy = school.system.merchandiser().await;
    let book = json!({ "title": "Walden", "authors": ["Henry Thoreau"] });
    let book = mercy.post("books", book).await.accepted().id();
    mercy.put(format!("books/{book}/copies"), json!({ "copies": 1 })).await.accepted();
    bob.put(format!("books/{book}/loan"), json!({})).await.accepted();
    bob.rate(book, 3).await.accepted();
    bob.rate(book, 9).await.accepted();
    bob.put(school.enrollment(), json!({})).await.accepted();
    bob.put(school.completion(0), json!({})).await.accepted();
}

#[tokio::test]
async fn i_see_what_those_whom_i_follow_did_but_not_what_they_borrow() {
    let school = School::teaching(1, None).await;
    let (ada, bob) = (school.system.ada().await, school.system.bob().await);
    busy(&school, &bob).await;

    let followed = ada.follow(&bob).await.accepted();

    let feed = ada.get(FEED).after(&followed).await;
    assert_eq!(deeds(&feed), ["completed", "enrolled", "rated"], "{feed}");
    let rated = &feed["items"][2];
    assert_eq!((&rated["item"]["title"], &rated["score"]), (&json!("Walden"), &json!(9)));
    assert_eq!(rated["actor"], json!({ "account": bob.id, "display_name": "Bob" }), "{feed}");
    let his = bob.get(FEED).after(&followed).await;
    assert_eq!(his["items"], json!([]), "he follows nobody: {his}");
}

#[tokio::test]
async fn who_is_followed_no_longer_is_gone_from_the_feed_at_once() {
    let school = School::teaching(1, None).await;
    let (ada, bob) = (school.system.ada().await, school.system.bob().await);
    ada.follow(&bob).await.accepted();
    let last = bob.put(school.enrollment(), json!({})).await.accepted();
    assert_eq!(deeds(&ada.get(FEED).after(last).await), ["enrolled"]);

    let left = ada.delete(format!("accounts/me/following/{}", bob.id)).await.accepted();

    let feed = ada.get(FEED).after(left).await;
    assert_eq!(feed["items"], json!([]), "{feed}");
}

#[tokio::test]
async fn nothing_of_an_erased_person_stays_in_a_feed() {
    let school = School::teaching(1, None).await;
    let (ada, bob) = (school.system.ada().await, school.system.bob().await);
    ada.follow(&bob).await.accepted();
    ada.follow(&school.ines).await.accepted();
    school.ines.follow(&bob).await.accepted();
    let last = bob.put(school.enrollment(), json!({})).await.accepted();
    let feed = ada.get(FEED).after(last).await;
    assert_eq!(deeds(&feed), ["enrolled", "followed"], "{feed}");

    let erased = bob.delete("accounts/me").await.accepted();

    let feed = ada.get(FEED).after(erased).await;
    assert_eq!(feed["items"], json!([]), "neither his deeds nor that he is followed: {feed}");
}
