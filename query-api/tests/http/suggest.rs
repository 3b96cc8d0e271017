//! Titles and wishes while typing.

use domain::book::{self, Book};
use domain::product::{self, Product};
use domain::samples::{ada, middlemarch, pounds, product as piece, tags, text, uuid};
use domain::{BookId, Money};
use serde_json::{Value, json};

use crate::world::World;

fn of<'a>(answer: &'a Value, field: &str) -> Vec<&'a str> {
    answer["items"].as_array().unwrap().iter().map(|i| i[field].as_str().unwrap()).collect()
}

async fn shop(world: &World) -> i64 {
    for (number, name, tag, description, price) in [
        (1, "Woollen scarf", "clothing", "Warm in any winter.", 2_500),
        (2, "Goose down coat", "clothing", "Warm in any winter.", 25_000),
        (3, "Garden lantern", "garden", "Burns for eight hours.", 1_500),
    ] {
        let price: Money = pounds(price);
        let details = product::Details {
            tags: tags([tag]),
            description: Some(text(description)),
            ..product::samples::details(&format!("SKU{number}"), name)
        };
        let add = product::samples::add(piece(number), details, price);
        world.run::<Product>(piece(number), add).await;
    }
    let kids: BookId = uuid(7).into();
    let details = book::Details {
        audience: book::Audience::Kids,
        genres: tags(["fantasy"]),
        ..book::samples::details("The Paper Dragon", "A. Nonymous")
    };
    world.run::<Book>(kids, book::samples::add(kids, details)).await;
    world.add_book(middlemarch(), "The Winter King", "B. Cornwell", Some("fantasy")).await
}

async fn suggested(world: &World, q: &str, last: i64) -> Value {
    let q = q.replace(' ', "%20");
    world.get(&format!("/search/suggest?q={q}")).after(last).ok().await
}

#[tokio::test]
async fn a_wish_is_understood_and_fulfilled() {
    let world = World::start().await;
    let last = shop(&world).await;

    let answer = suggested(&world, "something warm for winter under 50 pounds", last).await;

    assert_eq!(of(&answer, "title"), ["Woollen scarf"], "{answer}");
    assert_eq!(of(&answer, "source"), ["full-text"], "{answer}");
    assert_eq!(answer["items"][0]["price"], json!({ "minor": 2_500, "currency": "GBP" }));
    let understood = json!({
        "kind": "product", "category": null, "audience": null,
        "price_min": null, "price_max": 5_000, "currency": "GBP", "rest": "warm for winter",
    });
    assert_eq!(answer["understood"], understood, "{answer}");
    let without = json!([{ "source": "meaning", "reason": "there is no model" }]);
    assert_eq!(answer["without"], without, "{answer}");
}

#[tokio::test]
async fn what_is_not_wanted_is_not_suggested() {
    let world = World::start().await;
    let last = shop(&world).await;
    let answer = suggested(&world, "something warm for winter -scarf", last).await;
    assert_eq!(of(&answer, "title"), ["The Winter King", "Goose down coat"], "{answer}");
    let answer = suggested(&world, "winter -king", last).await;
    assert!(!of(&answer, "title").contains(&"The Winter King"), "{answer}");
}

#[tokio::test]
async fn categories_and_people_are_those_of_the_catalogue() {
    let world = World::start().await;
    let last = shop(&world).await;

    let answer = suggested(&world, "fantasy books for my children", last).await;
    assert_eq!(of(&answer, "title"), ["The Paper Dragon"], "{answer}");
    let understood = &answer["understood"];
    let said = (&understood["kind"], &understood["category"], &understood["audience"]);
    assert_eq!(said, (&json!("book"), &json!("fantasy"), &json!("kids")), "{answer}");

    // Nothing of the kind is for kids: that is said, and something is suggested all the same.
    let answer = suggested(&world, "clothing for kids under 50 pounds", last).await;
    assert_eq!(of(&answer, "title"), ["Woollen scarf"], "{answer}");
    assert_eq!(answer["understood"]["audience"], Value::Null, "{answer}");

    let answer = suggested(&world, "anything under 20 pounds", last).await;
    assert_eq!(of(&answer, "title"), ["Garden lantern"], "{answer}");
    assert_eq!(of(&answer, "source"), ["popular"], "{answer}");
}

#[tokio::test]
async fn who_types_a_title_gets_titles() {
    let world = World::start().await;
    let last = shop(&world).await;
    for typed in ["the wint", "winter", "the winter ki"] {
        let answer = suggested(&world, typed, last).await;
        assert_eq!(of(&answer, "title"), ["The Winter King"], "{answer}");
        assert_eq!((of(&answer, "source"), &answer["understood"]), (vec!["title"], &Value::Null));
    }
    let problem = world.get("/search/suggest?q=%20").problem().await;
    assert_eq!(problem, (422, "invalid".to_owned()));
}

#[tokio::test]
async fn books_have_no_price_so_a_wish_for_cheap_ones_is_met_as_well_as_it_can_be() {
    let world = World::start().await;
    let last = shop(&world).await;

    let answer = suggested(&world, "fantasy books under 20 pounds", last).await;
    let mut titles = of(&answer, "title");
    titles.sort_unstable();
    assert_eq!(titles, ["The Paper Dragon", "The Winter King"], "{answer}");
    let understood = &answer["understood"];
    assert_eq!((&understood["kind"], &understood["category"]), (&json!("book"), &json!("fantasy")));
    assert_eq!((&understood["price_max"], &understood["currency"]), (&Value::Null, &Value::Null));

    let details = product::samples::details("SKU4", "Ten fantasy books in a box");
    let add = product::samples::add(piece(4), details, pounds(1_900));
    let last = world.run::<Product>(piece(4), add).await;
    for wish in ["fantasy books under 20 pounds", "books under 20 pounds"] {
        let answer = suggested(&world, wish, last).await;
        assert_eq!(of(&answer, "title"), ["Ten fantasy books in a box"], "{answer}");
        let understood = &answer["understood"];
        let said = (&understood["kind"], &understood["price_max"]);
        assert_eq!(said, (&json!("product"), &json!(2_000)), "{answer}");
    }
}

#[tokio::test]
async fn small_words_of_a_wish_are_not_looked_for_in_titles() {
    let world = World::start().await;
    for (number, title) in [(1, "My Antonia"), (2, "Who Was Who"), (3, "Or Else")] {
        world.add_book(uuid(number).into(), title, "W. Cather", None).await;
    }
    let last = world.add_book(uuid(4).into(), "Gardening by the Moon", "A. Nonymous", None).await;

    let wish = "something for my mother who loves gardening or cooking";
    let answer = suggested(&world, wish, last).await;
    assert_eq!(of(&answer, "title"), ["Gardening by the Moon"], "{answer}");

    let years = suggested(&world, "europe 1914-1918", last).await;
    assert_eq!(years["understood"], Value::Null, "{years}");
}

#[tokio::test]
async fn what_i_gave_an_item_is_suggested_with_it() {
    let world = World::start().await;
    shop(&world).await;
    let scarf = piece(1);
    world.rate(ada(), middlemarch(), 9).await;
    let last = world.rate(ada(), scarf, 4).await;
    let adas = world.token(ada(), &[]);
    for (q, mine) in [("winter", 9), ("something%20warm%20for%20winter%20under%2050%20pounds", 4)] {
        let path = format!("/search/suggest?q={q}");
        let answer = world.get(&path).bearer(&adas).after(last).ok().await;
        assert_eq!(answer["items"][0]["my_rating"], json!(mine), "{answer}");
        let answer = world.get(&path).ok().await;
        assert_eq!(answer["items"][0]["my_rating"], json!(null), "{answer}");
    }
}
