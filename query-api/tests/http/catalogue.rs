use domain::product::{self, Product};
use domain::samples::{ada, bob, lantern, middlemarch, pounds, quantity, uuid};
use domain::stock::{self, Stock};
use domain::{BookId, Role};
use serde_json::{Value, json};

use crate::world::World;

fn titles(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn books_are_found_by_words_genre_and_author_and_sorted_as_asked() {
    let world = World::start().await;
    let (emma, dune): (BookId, BookId) = (uuid(2).into(), uuid(3).into());
    world.add_book(middlemarch(), "Middlemarch", "George Eliot", Some("classics")).await;
    world.add_book(emma, "Emma", "Jane Austen", Some("classics")).await;
    world.add_book(dune, "Dune", "Frank Herbert", Some("science fiction")).await;
    world.rate(ada(), emma, 9).await;
    world.rate(bob(), emma, 9).await;
    let last = world.rate(ada(), dune, 3).await;
    world.get("/books").after(last).ok().await;
    for (query, expected) in [
        ("q=middlemarch", vec!["Middlemarch"]),
        ("q=eliot", vec!["Middlemarch"]),
        ("q=herbert+or+austen&sort=title", vec!["Dune", "Emma"]),
        ("genre=Classics&sort=title", vec!["Emma", "Middlemarch"]),
        ("author=Jane+Austen", vec!["Emma"]),
        ("audience=kids", vec![]),
        ("sort=newest", vec!["Dune", "Emma", "Middlemarch"]),
        ("sort=rating&genre=classics", vec!["Emma", "Middlemarch"]),
        ("sort=popular", vec!["Emma", "Dune", "Middlemarch"]),
    ] {
        let page = world.get(&format!("/books?{query}")).ok().await;
        assert_eq!(titles(&page), expected, "{query}");
    }
    for sort in ["title", "rating", "popular", "relevance&q=classics", "newest"] {
        let mut seen = Vec::new();
        let mut path = format!("/books?limit=1&sort={sort}");
        loop {
            let page = world.get(&path).ok().await;
            seen.extend(titles(&page).into_iter().map(str::to_owned));
            let Some(cursor) = page["next"].as_str() else { break };
            path = format!("/books?limit=1&sort={sort}&cursor={cursor}");
        }
        let whole = world.get(&format!("/books?sort={sort}")).ok().await;
        assert_eq!(seen, titles(&whole), "{sort}");
    }
    let found = world.get("/search?q=emma").ok().await;
    assert_eq!(found["items"][0]["item"], json!(format!("book:{emma}")));
    let none = world.get("/search?q=emma&kind=course").ok().await;
    assert!(none["items"].as_array().unwrap().is_empty());
    let suggested = world.get("/search/suggest?q=mid").ok().await;
    assert_eq!(suggested["items"][0]["title"], json!("Middlemarch"));
    let token = world.token(ada(), &[]);
    let page = world.get(&format!("/books/{emma}")).bearer(&token).ok().await;
    assert_eq!(page["my_rating"], json!(9));
    assert_eq!(page.get("series"), Some(&json!(null)), "not known, like the others: {page}");
    let unknown = world.get(&format!("/books/{}", uuid(77))).problem().await;
    assert_eq!(unknown, (404, "item-unknown".to_owned()));
}

#[tokio::test]
async fn a_product_shows_what_can_be_ordered_now() {
    let world = World::start().await;
    let product = lantern();
    let add = product::samples::add(product, product::samples::full_details(), pounds(339));
    world.run::<Product>(product, add).await;
    world.run::<Stock>(product, stock::samples::receive(10)).await;
    let last =
        world.run::<Stock>(product, stock::samples::reserve(domain::samples::order(1), 4)).await;
    let page = world.get(&format!("/products/{product}")).after(last).ok().await;
    assert_eq!((&page["available"], &page["price"]["minor"]), (&json!(6), &json!(339)));
    let found = world.get("/products?q=lantern&category=garden").ok().await;
    assert_eq!(found["items"][0]["sku"], json!("71053"));
    let token = world.token(ada(), &[]);
    let level = world.get(&format!("/stock/{product}")).bearer(&token).ok().await;
    assert_eq!((&level["on_hand"], &level["available"]), (&json!(10), &json!(6)));
    let path = format!("/stock/{product}/movements");
    assert_eq!(world.get(&path).bearer(&token).problem().await, (403, "forbidden".to_owned()));
    let merchandiser = world.token(bob(), &[Role::Merchandiser]);
    let moved = world.get(&path).bearer(&merchandiser).ok().await;
    let names: Vec<_> = moved["items"].as_array().unwrap().iter().map(|m| &m["movement"]).collect();
    assert_eq!(names, [&json!("reserved"), &json!("received")]);
    assert_eq!(moved["items"][1]["quantity"], json!(i64::from(quantity(10))));
    let unknown = world.get(&format!("/stock/{}", uuid(77))).bearer(&token).problem().await;
    assert_eq!(unknown.0, 404);
}
