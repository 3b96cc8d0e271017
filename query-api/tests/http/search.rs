//! Search by words, without a model of what they mean.

use domain::book::{self, Book};
use domain::product::{self, Product};
use domain::samples::{middlemarch, pounds, product as lamp, tags, text, uuid};
use domain::{BookId, Currency, Money};
use serde_json::{Value, json};

use crate::world::World;

fn titles(answer: &Value) -> Vec<&str> {
    answer["items"].as_array().unwrap().iter().map(|i| i["title"].as_str().unwrap()).collect()
}

async fn add_product(world: &World, number: u128, name: &str, tag: &str, price: Money) -> i64 {
    let details = product::Details {
        tags: tags([tag]),
        ..product::samples::details(&format!("SKU{number}"), name)
    };
    let add = product::samples::add(lamp(number), details, price);
    world.run::<Product>(lamp(number), add).await
}

#[tokio::test]
async fn an_answer_says_who_found_what_and_who_could_not_be_asked() {
    let world = World::start().await;
    let last = world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;

    let found = world.get("/search?q=middlemarch").after(last).ok().await;

    assert_eq!(found["sources"], json!(["full-text", "typo"]), "{found}");
    let without = json!([{ "source": "meaning", "reason": "there is no model" }]);
    assert_eq!(found["without"], without, "{found}");
    let item = &found["items"][0];
    assert_eq!((&item["source"], &item["sources"][0]), (&json!("full-text"), &json!("full-text")));
    assert_eq!(item["highlights"], json!({ "title": "<mark>Middlemarch</mark>" }), "{found}");
}

#[tokio::test]
async fn a_mistyped_word_finds_what_was_meant_unless_postgres_cannot_tell() {
    let world = World::start().await;
    world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    let last = world.add_book(uuid(2).into(), "Emma", "Jane Austen", None).await;

    for (typed, title) in [("midlemarsh", "Middlemarch"), ("jane%20austin", "Emma")] {
        let found = world.get(&format!("/search?q={typed}")).after(last).ok().await;
        assert_eq!(titles(&found), [title], "{found}");
        assert_eq!(found["items"][0]["sources"], json!(["typo"]), "{found}");
    }
    assert_eq!(titles(&world.get("/search?q=xylophone").ok().await), Vec::<&str>::new());

    // As an older version built it; then a database that lacks the extension.
    for (change, typed) in [
        ("alter view readmodel.books rename column names to others", "midlemarsch"),
        ("alter view readmodel.books rename column others to names", "middlemarsh"),
        ("drop extension pg_trgm cascade", "middelmarch"),
    ] {
        sqlx::query(change).execute(world.log.pool()).await.unwrap();
        let found = world.get(&format!("/search?q={typed}")).ok().await;
        if typed == "middlemarsh" {
            assert_eq!(titles(&found), ["Middlemarch"], "{found}");
            continue;
        }
        assert_eq!(
            (titles(&found).len(), &found["sources"]),
            (0, &json!(["full-text"])),
            "{found}"
        );
        assert_eq!(found["without"][1]["source"], json!("typo"), "{found}");
    }
}

#[tokio::test]
async fn a_sentence_finds_what_has_its_rarer_words_though_nothing_has_them_all() {
    let world = World::start().await;
    let said = [
        ("Emma", "A young lady arranges the love of others."),
        ("Moby-Dick", "A captain hunts a white whale over all the seas."),
        ("Middlemarch", "A young lady and a doctor in a small town."),
        ("The Monk", "A young lady is deceived."),
    ];
    let mut last = 0;
    for (number, (title, description)) in (1..).zip(said) {
        let details = book::Details {
            description: Some(text(description)),
            ..book::samples::details(title, "Somebody")
        };
        let id: BookId = uuid(number).into();
        last = world.run::<Book>(id, book::samples::add(id, details)).await;
    }
    let q = "which%20young%20lady%20meets%20a%20doctor%20by%20the%20river";
    let found = world.get(&format!("/search?q={q}")).after(last).ok().await;
    assert_eq!(titles(&found)[0], "Middlemarch", "{found}");
    assert_eq!(found["items"][0]["sources"], json!(["some-words"]), "{found}");
    assert!(!titles(&found).contains(&"Moby-Dick"), "{found}");
    let found = world.get(&format!("/search?q={q}%20-town")).ok().await;
    assert!(titles(&found).len() == 2 && !titles(&found).contains(&"Middlemarch"), "{found}");
}

#[tokio::test]
async fn what_is_marked_in_a_text_is_all_the_html_there_is() {
    let world = World::start().await;
    let details = book::Details {
        description: Some(text("<script>alert('whales')</script> & a whale. ")),
        ..book::samples::details("<b>The Whale</b>", "Herman Melville")
    };
    let last = world.run::<Book>(middlemarch(), book::samples::add(middlemarch(), details)).await;

    let found = world.get("/search?q=whale").after(last).ok().await;

    let marked = &found["items"][0]["highlights"];
    let title = "&lt;b&gt;The <mark>Whale</mark>&lt;/b&gt;";
    assert_eq!(marked["title"], json!(title), "{marked}");
    let description = marked["description"].as_str().unwrap();
    assert!(description.contains("<mark>whale</mark>"), "{marked}");
    let rest = description.replace("<mark>", "").replace("</mark>", "");
    assert!(!rest.contains(['<', '>', '\'']), "{marked}");
}

#[tokio::test]
async fn pages_follow_each_other_though_something_is_added_meanwhile() {
    let world = World::start().await;
    let mut last = 0;
    for number in 0..7_u128 {
        let title = format!("A History of Whales {number}");
        last = world.add_book(uuid(100 + number).into(), &title, "A. Nonymous", None).await;
    }
    let mut seen = Vec::new();
    let mut next = Some("/search?q=whales&limit=3".to_owned());
    while let Some(path) = next {
        let answer = world.get(&path).after(last).ok().await;
        seen.extend(titles(&answer).into_iter().map(str::to_owned));
        if seen.len() == 3 {
            let first: BookId = uuid(999).into();
            last = world.add_book(first, "Whales", "A. Nonymous", None).await;
        }
        let cursor = answer["next"].as_str();
        next = cursor.map(|cursor| format!("/search?q=whales&limit=3&cursor={cursor}"));
    }
    seen.retain(|title| title != "Whales");
    seen.sort_unstable();
    let all: Vec<String> = (0..7).map(|number| format!("A History of Whales {number}")).collect();
    assert_eq!(seen, all);
    let answer = world.get("/search?q=whales&limit=3").ok().await;
    let cursor = answer["next"].as_str().unwrap();
    for other in ["q=whales&cursor=abc".to_owned(), format!("q=history&cursor={cursor}")] {
        let bad = world.get(&format!("/search?{other}")).problem().await;
        assert_eq!(bad, (400, "bad-cursor".to_owned()), "{other}");
    }
}

#[tokio::test]
async fn filters_leave_what_was_asked_for() {
    let world = World::start().await;
    add_product(&world, 1, "Brass lamp", "garden", pounds(1_500)).await;
    add_product(&world, 2, "Paper lamp", "children", pounds(500)).await;
    let euros = Money::new(500, Currency::EUR).unwrap();
    add_product(&world, 3, "Steel lamp", "garden", euros).await;
    let details = book::Details {
        audience: book::Audience::Kids,
        ..book::samples::details("The Magic Lamp", "A. Nonymous")
    };
    let last = world.run::<Book>(middlemarch(), book::samples::add(middlemarch(), details)).await;
    world.get("/search?q=lamp").after(last).ok().await;

    for (filter, mut expected) in [
        ("kind=book", vec!["The Magic Lamp"]),
        ("category=Garden", vec!["Brass lamp", "Steel lamp"]),
        ("audience=kids", vec!["Paper lamp", "The Magic Lamp"]),
        ("price_max=1000", vec!["Paper lamp", "Steel lamp"]),
        ("price_max=1000&currency=GBP", vec!["Paper lamp"]),
        ("price_min=600", vec!["Brass lamp"]),
    ] {
        let found = world.get(&format!("/search?q=lamp&{filter}")).ok().await;
        let mut found = titles(&found);
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{filter}");
    }
    for bad in ["price_max=-1", "price_min=9999999999999999", "currency=pounds", "audience=cats"] {
        let problem = world.get(&format!("/search?q=lamp&{bad}")).problem().await;
        assert_eq!(problem, (422, "invalid".to_owned()), "{bad}");
    }
}

#[tokio::test]
async fn what_must_not_be_there_is_in_no_answer_whoever_finds_it() {
    let world = World::start().await;
    let whales = book::Details {
        description: Some(text("Whales, whales and a captain.")),
        ..book::samples::details("Moby Dick", "Herman Melville")
    };
    world.run::<Book>(middlemarch(), book::samples::add(middlemarch(), whales)).await;
    let last = world.add_book(uuid(2).into(), "A History of Whales", "H. Melvil", None).await;
    world.get("/search?q=whales").after(last).ok().await;

    for (q, expected) in [
        ("whales", vec!["A History of Whales", "Moby Dick"]),
        ("whales+-moby", vec!["A History of Whales"]),
        ("whales+-captains", vec!["A History of Whales"]),
        ("whales+-%22moby+dick%22", vec!["A History of Whales"]),
        ("whales+-%22dick+moby%22", vec!["A History of Whales", "Moby Dick"]),
        ("melvill+-moby", vec!["A History of Whales"]),
        ("-moby", vec!["A History of Whales"]),
        ("-history", vec!["Moby Dick"]),
    ] {
        let found = world.get(&format!("/search?q={q}")).ok().await;
        let mut found = titles(&found);
        found.sort_unstable();
        assert_eq!(found, expected, "search: {q}");
        if q.starts_with("melvill") {
            continue; // Catalogues look for words as they are.
        }
        let listed = world.get(&format!("/books?q={q}&sort=title")).ok().await;
        assert_eq!(titles(&listed), expected, "books: {q}");
    }
    let rest = world.get("/search?q=-moby").ok().await;
    assert_eq!(rest["sources"], json!(["popular"]), "{rest}");
    for nothing in ["-", "%22%22", "-%22%22"] {
        let problem = world.get(&format!("/search?q={nothing}")).problem().await;
        assert_eq!(problem, (422, "invalid".to_owned()), "{nothing}");
    }
}

#[tokio::test]
async fn labels_are_the_same_however_they_are_written() {
    let world = World::start().await;
    let title = "The Left Hand of Darkness";
    let last = world.add_book(middlemarch(), title, "U. K. Le Guin", Some("science fiction")).await;
    world.get("/books").after(last).ok().await;

    for written in ["books?genre=", "search?q=hand&category=", "top?genre="] {
        let found = world.get(&format!("/{written}Science++Fiction+")).ok().await;
        let expected = if written.starts_with("top") { vec![] } else { vec![title] };
        assert_eq!(titles(&found), expected, "{written}");
        let long = "x".repeat(101);
        let problem = world.get(&format!("/{written}{long}")).problem().await;
        assert_eq!(problem, (422, "invalid".to_owned()), "{written}");
    }
    let problem = world.get("/books?language=english").problem().await;
    assert_eq!(problem, (422, "invalid".to_owned()));
}

#[tokio::test]
async fn an_author_goes_with_a_word_of_the_description_and_a_word_with_its_plural() {
    let world = World::start().await;
    world.add_book(uuid(1).into(), "Whales", "A. Nonymous", Some("pirates")).await;
    world.add_book(uuid(2).into(), "Whale", "A. Nonymous", None).await;
    let details = book::Details {
        description: Some(text("Three years after one whale.")),
        ..book::samples::details("Deep Water", "Herman Melville")
    };
    let deep: BookId = uuid(3).into();
    let last = world.run::<Book>(deep, book::samples::add(deep, details)).await;
    world.get("/search?q=whales").after(last).ok().await;

    for (q, expected) in [
        ("melville+whales", vec!["Deep Water"]),
        ("whale", vec!["Whale", "Whales", "Deep Water"]),
        ("whales", vec!["Whales", "Whale", "Deep Water"]),
        ("pirate", vec!["Whales"]),
    ] {
        let found = world.get(&format!("/search?q={q}")).ok().await;
        assert_eq!(titles(&found), expected, "{q}");
        let listed = world.get(&format!("/books?q={q}")).ok().await;
        assert_eq!(titles(&listed), expected, "{q}");
    }
    let found = world.get("/search?q=pirate+whale").ok().await;
    assert_eq!(found["items"][0]["highlights"]["title"], json!("<mark>Whales</mark>"), "{found}");
}

/// In one statement, as a log of 20,000 commands takes its time.
#[tokio::test]
async fn among_20_000_books_mistyped_words_are_looked_for_in_an_index() {
    let world = World::start().await;
    let last = world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    world.get("/books").after(last).ok().await;
    let many = "insert into readmodel.books (book, title, authors, genres, audience, description,
                    withdrawn, added_at, changed_at, sequence, position)
                select gen_random_uuid(), md5(n::text), array[md5(n::text || 'x')], genres,
                       audience, repeat('So it goes. ', 50), false, added_at, changed_at, sequence,
                       -n
                  from readmodel.books, generate_series(1, 20000) n";
    sqlx::query(many).execute(world.log.pool()).await.unwrap();
    sqlx::query("analyze").execute(world.log.pool()).await.unwrap();

    let found = world.get("/search?q=midlemarsh").ok().await;

    assert_eq!(titles(&found), ["Middlemarch"], "{found}");
    let used = "select idx_scan > 0 from pg_stat_user_indexes where indexrelname = 'books_names'";
    world.until(used).await;
}
