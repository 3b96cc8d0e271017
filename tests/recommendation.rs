use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Client, Receipt, System};

/// Two books that three readers like both of, and a third that only one of them does.
struct Tastes {
    system: System,
    liked: Uuid,
    also_liked: Uuid,
    last: Receipt,
}

async fn tastes() -> Tastes {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    let genre = format!("genre {}", Uuid::now_v7().simple());
    let mut books = Vec::new();
    for title in ["Emma", "Persuasion", "Dracula"] {
        let author = Uuid::now_v7().simple().to_string();
        let book = json!({ "title": title, "authors": [author], "genres": [genre] });
        books.push(mercy.post("books", book).await.accepted().id());
    }
    let mut last = None;
    for number in 0..3 {
        let reader = system.member("Rita").await;
        reader.rate(books[0], 9).await.accepted();
        if number == 0 {
            reader.rate(books[2], 8).await.accepted();
        }
        last = Some(reader.rate(books[1], 8).await.accepted());
    }
    let (liked, also_liked) = (books[0], books[1]);
    Tastes { system, liked, also_liked, last: last.unwrap() }
}

fn items(answer: &crate::system::Answer) -> Vec<Value> {
    answer["items"].as_array().unwrap().clone()
}

async fn recommended(reader: &Client, after: &Receipt) -> Vec<Value> {
    items(&reader.get("recommendations?kind=book").after(after).await.ok())
}

#[tokio::test]
async fn who_likes_a_book_is_told_of_what_others_like_with_it_and_why() {
    let Tastes { system, liked, also_liked, .. } = tastes().await;
    let ada = system.ada().await;
    let rated = ada.rate(liked, 10).await.accepted();

    let list = recommended(&ada, &rated).await;

    assert_eq!(list[0]["id"], also_liked.to_string(), "{list:?}");
    assert_eq!(list[0]["source"], "co-occurrence", "{list:?}");
    let reasons = list[0]["reasons"].as_array().unwrap();
    assert_eq!(reasons[0]["because"], format!("book:{liked}"), "{list:?}");
    let shares: f64 = reasons.iter().map(|reason| reason["share"].as_f64().unwrap()).sum();
    assert!((shares - list[0]["score"].as_f64().unwrap()).abs() < 1e-6, "{list:?}");
    assert!(list[0]["position"].as_i64().unwrap() >= rated.position, "{list:?}");
    assert!(list[0]["model_version"].is_string(), "{list:?}");
    assert!(list.len() <= 5, "{list:?}");
}

#[tokio::test]
async fn what_was_rated_already_is_not_recommended() {
    let Tastes { system, liked, also_liked, .. } = tastes().await;
    let ada = system.ada().await;
    ada.rate(liked, 10).await.accepted();
    let rated = ada.rate(also_liked, 2).await.accepted();

    let list = recommended(&ada, &rated).await;

    let known = [liked.to_string(), also_liked.to_string()];
    let seen = |item: &Value| known.iter().any(|known| item["id"] == known.as_str());
    assert!(!list.iter().any(seen), "{list:?}");
    assert!(!list.is_empty(), "a third book is left");
}

#[tokio::test]
async fn what_was_dismissed_is_never_recommended_until_it_is_taken_back() {
    let Tastes { system, liked, also_liked, .. } = tastes().await;
    let (ada, bob) = (system.ada().await, system.bob().await);
    let dismissal = format!("books/{also_liked}/dismissal");
    ada.rate(liked, 10).await.accepted();
    let dismissed = ada.put(&dismissal, json!({})).await.accepted();
    let again = ada.put(&dismissal, json!({})).await.accepted();
    assert_eq!(again.body["unchanged"], true);

    let shows = |list: Vec<Value>| list.iter().any(|item| item["id"] == also_liked.to_string());
    assert!(!shows(recommended(&ada, &dismissed).await), "not to who dismissed it");
    let rated = bob.rate(liked, 10).await.accepted();
    assert!(shows(recommended(&bob, &rated).await), "it is nobody else's business");
    let back = ada.delete(&dismissal).await.accepted();
    assert!(shows(recommended(&ada, &back).await));

    let unknown = format!("books/{}/dismissal", Uuid::now_v7());
    ada.put(unknown, json!({})).await.refused(404, "item-unknown");
}

#[tokio::test]
async fn somebody_new_gets_something_that_says_where_it_comes_from() {
    let Tastes { system, last, .. } = tastes().await;
    let bob = system.bob().await;

    let list = recommended(&bob, &last).await;

    assert_eq!(list.len(), 5.min(list.len()), "{list:?}");
    assert!(!list.is_empty());
    for item in &list {
        let source = item["source"].as_str().unwrap();
        assert!(["genres", "top", "newest"].contains(&source), "{item}");
    }
    system.get("recommendations").await.refused(401, "token-required");
}

#[tokio::test]
async fn a_session_without_an_account_is_recommended_by_what_it_looked_at() {
    let Tastes { system, liked, also_liked, last } = tastes().await;

    let path = format!("recommendations?kind=book&items=book:{liked}&limit=3");
    let list = items(&system.get(path).after(last).await.ok());

    assert_eq!(list[0]["id"], also_liked.to_string(), "{list:?}");
    let problem = system.get("recommendations?items=nonsense").await.refused(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/query/items", "{problem}");
}

#[tokio::test]
async fn similar_books_are_those_with_the_same_readers_then_those_alike() {
    let Tastes { system, liked, also_liked, last } = tastes().await;

    let list = items(&system.get(format!("books/{liked}/similar")).after(last).await.ok());

    assert_eq!(list[0]["id"], also_liked.to_string(), "{list:?}");
    assert_eq!(list[0]["source"], "co-occurrence", "{list:?}");
    assert_eq!(list[0]["reasons"]["together"], 3, "{list:?}");
    assert!((list[0]["score"].as_f64().unwrap() - 1.0).abs() < 1e-6, "{list:?}");
    // One reader of both may be chance; the genre they share is not.
    assert_eq!(list[1]["source"], "content", "{list:?}");
    system.get(format!("books/{}/similar", Uuid::now_v7())).await.refused(404, "item-unknown");
}
