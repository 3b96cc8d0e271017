use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Answer, Program, School, System, eventually};

/// A word that nothing else contains.
fn word() -> String {
    let letters = Uuid::now_v7().simple().to_string();
    letters.chars().map(|c| char::from(b'a' + c.to_digit(16).unwrap() as u8)).collect()
}

fn found(answer: &Answer) -> Vec<&str> {
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|item| item["item"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn one_word_finds_books_courses_and_products_and_a_kind_narrows_it() {
    let school = School::teaching(1, None).await;
    let (system, ines) = (&school.system, &school.ines);
    let word = word();
    let renamed = json!({ "title": format!("On {word}") });
    ines.patch(format!("courses/{}", school.course), renamed).await.accepted();
    let book = json!({ "title": format!("The {word}"), "authors": ["A. Nonymous"] });
    let book = system.add_book(book).await;
    let mercy = system.merchandiser().await;
    let product = json!({
        "sku": word, "name": format!("A {word} lamp"), "price": { "minor": 1, "currency": "GBP" },
    });
    let product = mercy.post("products", product).await.accepted();

    let all = system.get(format!("search?q={word}")).after(&product).await;
    let mut items = found(&all);
    items.sort_unstable();
    let expected = [
        format!("book:{book}"),
        format!("course:{}", school.course),
        format!("product:{}", product.id()),
    ];
    assert_eq!(items, expected, "{all}");
    let books = system.get(format!("search?q={word}&kind=book")).await;
    assert_eq!(found(&books), [format!("book:{book}")]);
    assert_eq!(books["items"][0]["source"], "full-text", "{books}");
}

#[tokio::test]
async fn authors_and_words_of_the_description_are_found_too() {
    let system = System::start().await;
    let (author, theme) = (word(), word());
    let book = json!({
        "title": "Untitled", "authors": [format!("Jane {author}")],
        "description": format!("A story of {theme}."),
    });
    let book = system.merchandiser().await.post("books", book).await.accepted();

    for word in [author, theme] {
        let answer = system.get(format!("search?q={word}")).after(&book).await;
        assert_eq!(found(&answer), [format!("book:{}", book.id())], "{answer}");
    }
}

#[tokio::test]
async fn what_was_withdrawn_is_found_no_more() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    let word = word();
    let book = json!({ "title": word, "authors": ["A"] });
    let book = mercy.post("books", book).await.accepted();
    let withdrawn = mercy.delete(format!("books/{}", book.id())).await.accepted();

    let answer = system.get(format!("search?q={word}")).after(withdrawn).await;
    assert_eq!((&answer["items"], &answer["next"]), (&json!([]), &Value::Null), "{answer}");
}

#[tokio::test]
async fn looking_for_nothing_is_refused_with_the_field_named() {
    let system = System::start().await;
    let problem = system.get("search?q=%20").await.refused(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/query/q", "{problem}");
    for odd in ["%22", "%26%7C!", "a%20or", "%00"] {
        let answer = system.get(format!("search?q={odd}")).await;
        assert!(answer.status.as_u16() < 500, "{answer}");
    }
}

#[tokio::test]
async fn a_title_is_found_though_it_is_mistyped_and_its_words_are_marked() {
    let system = System::start().await;
    let word = word();
    let book = json!({ "title": format!("Salt & {word}"), "authors": ["A"] });
    let book = system.merchandiser().await.post("books", book).await.accepted();

    let exact = system.get(format!("search?q={word}&limit=1")).after(&book).await;
    let marked = format!("Salt &amp; <mark>{word}</mark>");
    assert_eq!(exact["items"][0]["highlights"]["title"], marked, "{exact}");
    let mistyped = format!("{}{}", &word[..15], &word[16..]);
    let found = system.get(format!("search?q={mistyped}&limit=1")).await;
    assert_eq!(found["items"][0]["item"], format!("book:{}", book.id()), "{found}");
    assert_eq!(found["items"][0]["source"], "typo", "{found}");
}

#[tokio::test]
async fn accents_matter_neither_in_what_is_typed_nor_in_what_is_found() {
    let system = System::start().await;
    let (mercy, word) = (system.merchandiser().await, word());
    let book = |title: String, author: &str| json!({ "title": title, "authors": [author] });
    let with = book(format!("Cién años {word}"), "Gabriel García Márquez");
    let with = mercy.post("books", with).await.accepted();
    let without = book(format!("Cien anos {word}"), "Gabriel Garcia Marquez");
    let without = mercy.post("books", without).await.accepted();

    let both = BTreeSet::from([with.id(), without.id()]);
    for typed in [format!("garcia marquez {word}"), format!("García Márquez {word}")] {
        let found = system.get(format!("books?q={typed}")).after(&without).await.ok();
        let found = found["items"].as_array().unwrap().iter();
        let found: BTreeSet<Uuid> =
            found.map(|item| item["id"].as_str().unwrap().parse().unwrap()).collect();
        assert_eq!(found, both, "{typed}");
    }
    for typed in [format!("cien anos {word}"), format!("Cién años {word}")] {
        let suggested = system.get(format!("search/suggest?q={typed}")).await.ok();
        let sources = suggested["items"].as_array().unwrap().iter().map(|item| &item["source"]);
        assert_eq!(sources.collect::<Vec<_>>(), ["title", "title"], "{suggested}");
    }
}

/// A system of its own: it fetches the model while it is asked already.
#[tokio::test]
async fn once_the_model_is_there_a_wish_is_fulfilled_in_other_words() {
    if local_services::testing::text_model().is_none() {
        return;
    }
    let settings = [("DAYBOOK_TEXT_MODEL", "fetch"), ("DAYBOOK_TRAIN_AFTER", "0")];
    let start = move || Program::up_with("meaning", &["--ephemeral"], &settings);
    let program = tokio::task::spawn_blocking(start).await.unwrap();
    let system = System::of(&program).await;
    let mercy = system.merchandiser().await;
    for (sku, name, description, minor) in [
        ("S1", "Woollen scarf", "Thick and soft, keeps off frost and snow.", 2_500),
        ("S2", "Goose down coat", "Thick and soft, keeps off frost and snow.", 25_000),
        ("S3", "Garden hose", "Ten metres, with a tap.", 1_500),
    ] {
        let price = json!({ "minor": minor, "currency": "GBP" });
        let product =
            json!({ "sku": sku, "name": name, "description": description, "price": price });
        mercy.post("products", product).await.accepted();
    }

    let wish = "search/suggest?q=something%20warm%20for%20winter%20under%2050%20pounds";
    let by_meaning = |answer: &Answer| answer.body["items"][0]["source"] == "meaning";
    let answer = eventually(|| system.get(wish), by_meaning).await;

    assert_eq!(answer["items"][0]["title"], "Woollen scarf", "{answer}");
    assert_eq!(answer["understood"]["price_max"], 5_000, "{answer}");
    let titles = answer["items"].to_string();
    assert!(!titles.contains("Goose"), "it costs more: {answer}");
    let ready = system.get("/readyz").await;
    assert!(ready.body.to_string().contains("texts have their vectors"), "{ready}");
}
