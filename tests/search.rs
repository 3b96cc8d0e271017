use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Answer, School, System};

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
