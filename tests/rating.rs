use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Answer, System};

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

#[tokio::test]
async fn what_i_gave_stands_wherever_an_item_is_listed() {
    let system = System::start().await;
    let (ada, bob) = (system.ada().await, system.bob().await);
    let word = format!("w{}", Uuid::now_v7().simple());
    let mercy = system.merchandiser().await;
    let book = |title: &str| {
        json!({
            "title": format!("{title} {word}"), "authors": [format!("Author {word}")],
            "genres": [word], "publisher": format!("House {word}"),
            "series": { "name": format!("Series {word}"), "number": 2 }, "audience": "kids",
        })
    };
    let emma = mercy.post("books", book("Emma")).await.accepted().id();
    let other = mercy.post("books", book("Other")).await.accepted().id();
    for reader in [&ada, &bob] {
        reader.rate(other, 8).await.accepted();
    }
    bob.rate(emma, 6).await.accepted();
    ada.put(format!("books/{emma}/favourite"), json!({})).await.accepted();
    mercy.put(format!("books/{emma}/copies"), json!({ "copies": 1 })).await.accepted();
    ada.put(format!("books/{emma}/loan"), json!({})).await.accepted();
    let last = ada.rate(emma, 9).await.accepted();

    for path in [
        format!("books?q={word}"),
        format!("books?audience=kids&series=Series+{word}"),
        format!("books?publisher=House+{word}"),
        format!("search?q={word}"),
        format!("top?genre={word}"),
        format!("top?genre={word}&period=week"),
        format!("books/{other}/similar"),
        "accounts/me/favourites".to_owned(),
        "accounts/me/loans".to_owned(),
    ] {
        let mine = ada.get(&path).after(&last).await;
        let of_emma = |answer: &Answer| {
            let items = answer["items"].as_array().unwrap();
            let found = items.iter().find(|item| item["id"] == emma.to_string());
            found.unwrap_or_else(|| panic!("{path}: {answer}"))["my_rating"].clone()
        };
        assert_eq!(of_emma(&mine), 9, "{path}: {mine}");
        if !path.starts_with("accounts") {
            let nobodys = system.get(&path).await;
            assert_eq!(of_emma(&nobodys), json!(null), "{path}: {nobodys}");
        }
    }

    let first = system.get(format!("top?genre={word}&limit=1")).await;
    assert_eq!((&first["items"][0]["rank"], &first["items"][0]["id"]), (&json!(1), &json!(other)));
    assert!(first.header("link").contains("rel=\"next\""), "{first}");
    let cursor = first["next"].as_str().unwrap();
    let second = system.get(format!("top?genre={word}&limit=1&cursor={cursor}")).await;
    assert_eq!((&second["items"][0]["rank"], &second["items"][0]["id"]), (&json!(2), &json!(emma)));
    assert_eq!(second["next"], json!(null), "{second}");
    system.get(format!("top?genre=other&limit=1&cursor={cursor}")).await.refused(400, "bad-cursor");
}
