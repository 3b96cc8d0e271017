use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::System;

fn middlemarch() -> Value {
    json!({ "title": "Middlemarch", "authors": ["George Eliot"], "published_year": 1871 })
}

fn ratings_of(book: Uuid) -> String {
    format!("books/{book}/ratings")
}

#[tokio::test]
async fn a_rating_shows_up_in_the_average() {
    let system = System::start().await;
    let book = system.add_book(middlemarch()).await;

    system.ada().await.rate(book, 9).await.accepted();
    let last = system.bob().await.rate(book, 4).await.accepted();

    let ratings = system.get(ratings_of(book)).after(last).await;
    assert_eq!((&ratings["count"], &ratings["average"]), (&json!(2), &json!(6.5)));
}

#[tokio::test]
async fn a_new_opinion_replaces_the_old_one() {
    let system = System::start().await;
    let book = system.add_book(middlemarch()).await;
    let ada = system.ada().await;

    ada.rate(book, 9).await.accepted();
    let last = ada.rate(book, 3).await.accepted();

    let ratings = system.get(ratings_of(book)).after(last).await;
    assert_eq!((&ratings["count"], &ratings["average"]), (&json!(1), &json!(3.0)));
}

#[tokio::test]
async fn the_same_score_again_changes_nothing() {
    let system = System::start().await;
    let book = system.add_book(middlemarch()).await;
    let ada = system.ada().await;

    let first = ada.rate(book, 7).await.accepted();
    let again = ada.rate(book, 7).await.accepted();

    assert_eq!(again.body["unchanged"], true, "{}", again.body);
    assert_eq!(again.sequence, first.sequence);
}

#[tokio::test]
async fn a_withdrawn_rating_no_longer_counts() {
    let system = System::start().await;
    let book = system.add_book(middlemarch()).await;
    let ada = system.ada().await;
    ada.rate(book, 9).await.accepted();

    let last = ada.delete(format!("books/{book}/rating")).await.accepted();

    let ratings = system.get(ratings_of(book)).after(last).await;
    assert_eq!((&ratings["count"], &ratings["average"]), (&json!(0), &Value::Null));
    ada.delete(format!("books/{book}/rating")).await.refused(404, "nothing-to-withdraw");
}

#[tokio::test]
async fn a_score_out_of_range_is_refused_with_the_field_named() {
    let system = System::start().await;
    let book = system.add_book(middlemarch()).await;

    let problem = system.ada().await.rate(book, 11).await.refused(422, "invalid");

    assert_eq!(problem["errors"][0]["pointer"], "/score", "{problem}");
}

#[tokio::test]
async fn a_book_that_is_not_there_cannot_be_rated_and_a_stranger_rates_nothing() {
    let system = System::start().await;
    let nothing = Uuid::now_v7();
    let book = system.add_book(middlemarch()).await;

    let answer = system.ada().await.rate(nothing, 5).await;
    assert_eq!(answer.status.as_u16(), 404, "{answer}");
    let put = system.get(format!("books/{book}/rating"));
    assert!(put.await.status.is_client_error());
    let mut stranger = system.ada().await;
    stranger.token = String::new();
    assert_eq!(stranger.rate(book, 5).await.status.as_u16(), 401);
}

#[tokio::test]
async fn a_repeated_request_is_answered_from_the_first_one() {
    let system = System::start().await;
    let book = system.add_book(middlemarch()).await;
    let ada = system.ada().await;
    let key = Uuid::now_v7();

    let first = ada.rate(book, 8).header("idempotency-key", key).await;
    let second = ada.rate(book, 8).header("idempotency-key", key).await;

    assert_eq!(second.header("idempotency-replayed"), "true", "{second}");
    assert_eq!(second.accepted().position, first.accepted().position);
    let other = ada.rate(book, 2).header("idempotency-key", key).await;
    assert_eq!(other.status.as_u16(), 422, "{other}");
}
