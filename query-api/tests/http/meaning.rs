//! What is found by its meaning: with the real model, embedded by the real worker.

use std::time::{Duration, Instant};

use domain::book::{self, Book};
use domain::course::{self, Course};
use domain::dismissal::{self, Dismissal, DismissalId};
use domain::samples::{ada, at, bob, lesson, rust_course, text, uuid};
use domain::{BookId, ItemId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::course::draft;
use crate::world::{Answer, World};

const BOOKS: [(u128, &str, &str); 4] = [
    (1, "The Counting House", "How merchants keep their accounts, debit and credit."),
    (2, "Salt", "A captain hunts a white sea monster across all oceans."),
    (3, "The Ledger", "Double-entry bookkeeping for shopkeepers, step by step."),
    (4, "Crumbs", "Bread, cakes and pastry to bake at home."),
];

fn book(number: u128) -> BookId {
    uuid(number).into()
}

async fn library(world: &World) -> i64 {
    let mut last = 0;
    for (number, title, description) in BOOKS {
        let details = book::Details {
            description: Some(text(description)),
            ..book::samples::details(title, &format!("Author {number}"))
        };
        let add = book::samples::add(book(number), details);
        last = world.run::<Book>(book(number), add).await;
    }
    last
}

fn of<'a>(answer: &'a Value, field: &str) -> Vec<&'a str> {
    answer["items"].as_array().unwrap().iter().map(|i| i[field].as_str().unwrap()).collect()
}

impl World {
    /// The first answer that is as it should be: vectors come a moment after what they are of.
    async fn eventually(&self, path: &str, so: impl Fn(&Value) -> bool) -> Answer {
        let begun = Instant::now();
        loop {
            let answer = self.get(path).answer().await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            if so(&answer.body) {
                return answer;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{path}: {}", answer.text);
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn what_says_the_same_in_other_words_is_found_until_it_is_withdrawn() {
    let Some(world) = World::with_meaning().await else { return };
    library(&world).await;
    let path = "/search?q=chasing+a+whale";
    let is_found = |answer: &Value| of(answer, "title").contains(&"Salt");

    let answer = world.eventually(path, is_found).await.body;

    assert_eq!(of(&answer, "title")[0], "Salt", "{answer}");
    assert_eq!(answer["items"][0]["sources"], json!(["meaning"]), "{answer}");
    assert_eq!((&answer["sources"][1], &answer["without"]), (&json!("meaning"), &json!([])));
    assert!(!of(&answer, "title").contains(&"Crumbs"), "what has nothing to do with it: {answer}");
    let without = world.get("/search?q=chasing+a+whale+-captains").ok().await;
    assert!(!is_found(&without), "it has a captain: {without}");
    let products = world.get("/search?q=chasing+a+whale&kind=product").ok().await;
    assert_eq!(products["items"], json!([]));

    let gone = world.run::<Book>(book(2), book::samples::withdraw(book(2))).await;
    let answer = world.get(path).after(gone).ok().await;
    assert!(!is_found(&answer), "at once, whatever the index knows: {answer}");
}

#[tokio::test]
async fn what_both_words_and_meaning_find_comes_first_and_says_so() {
    let Some(world) = World::with_meaning().await else { return };
    library(&world).await;
    let both = |answer: &Value| {
        let first = &answer["items"][0]["sources"];
        *first == json!(["full-text", "meaning"]) && of(answer, "title").len() > 1
    };
    let answer = world.eventually("/search?q=bookkeeping", both).await.body;
    assert_eq!(of(&answer, "title")[..2], ["The Ledger", "The Counting House"], "{answer}");
    assert_eq!(answer["items"][1]["source"], json!("meaning"), "{answer}");
}

#[tokio::test]
async fn a_lesson_lets_its_course_be_found_and_is_not_quoted() {
    let Some(world) = World::with_meaning().await else { return };
    draft(&world).await;
    let details = course::LessonDetails {
        text: Some(text("# Bread\n\nKnead the dough, let it rise, bake it in a hot oven.")),
        ..course::samples::lesson_details(None)
    };
    let add = course::Command::AddLesson {
        course: rust_course(),
        by: ada(),
        lesson: lesson(2),
        details: Box::new(details),
        position: None,
        at: domain::samples::at(1),
    };
    world.run::<Course>(rust_course(), add).await;
    let path = "/search?q=how+do+I+make+a+loaf+at+home";
    let last = world.run::<Course>(rust_course(), course::samples::publish()).await;
    world.get(path).after(last).ok().await;

    let found = |answer: &Value| !answer["items"].as_array().unwrap().is_empty();
    let answer = world.eventually(path, found).await;

    assert_eq!(of(&answer.body, "kind"), ["course"], "{}", answer.text);
    assert_eq!(answer.body["items"][0]["sources"], json!(["meaning"]), "{}", answer.text);
    assert!(!answer.text.contains("dough"), "{}", answer.text);
    let archived = world.run::<Course>(rust_course(), course::samples::archive()).await;
    let answer = world.get(path).after(archived).ok().await;
    assert_eq!(answer["items"], json!([]));
}

#[tokio::test]
async fn what_nobody_has_read_has_neighbours_and_readers_of_its_like() {
    let Some(world) = World::with_meaning().await else { return };
    library(&world).await;
    let last = world.rate(bob(), ItemId::from(book(3)), 9).await;
    let path = format!("/books/{}/similar", book(3));
    world.get(&path).after(last).ok().await;

    let near = |answer: &Value| answer["items"][0]["title"] == BOOKS[0].1;
    let similar = world.eventually(&path, near).await.body;
    let first = &similar["items"][0];
    assert_eq!((&first["title"], &first["source"]), (&json!(BOOKS[0].1), &json!("meaning")));
    assert!(first["model_version"].as_str().unwrap().starts_with("meaning/"), "{similar}");

    let token = world.token(bob(), &[]);
    let list = world.get("/recommendations?kind=book").bearer(&token).after(last).ok().await;
    let first = &list["items"][0];
    assert_eq!((&first["title"], &first["source"]), (&json!(BOOKS[0].1), &json!("meaning")));
    assert_eq!(first["reasons"][0]["because"], json!(format!("book:{}", book(3))), "{list}");
}

#[tokio::test]
async fn what_says_the_same_is_recommended_however_much_of_it_is_not_wanted() {
    let Some(world) = World::with_meaning().await else { return };
    for number in 1..=15 {
        let details = book::Details {
            description: Some(text(BOOKS[1].2)),
            ..book::samples::details("Salt", &format!("Author {number}"))
        };
        world.run::<Book>(book(number), book::samples::add(book(number), details)).await;
    }
    let path = format!("/books/{}/similar?limit=50", book(1));
    let by_meaning = |answer: &Value| of(answer, "source").iter().all(|it| *it == "meaning");
    let all = |answer: &Value| of(answer, "source").len() == 14 && by_meaning(answer);
    let similar = world.eventually(&path, all).await.body;
    let similar = of(&similar, "id");
    for id in &similar[..13] {
        let item = BookId::from(id.parse::<Uuid>().unwrap()).into();
        let dismissal = DismissalId { reader: bob(), item };
        let dismiss = dismissal::Command::Dismiss { dismissal, at: at(1) };
        world.run::<Dismissal>(dismissal, dismiss).await;
    }
    let last = world.rate(bob(), ItemId::from(book(1)), 9).await;
    let token = world.token(bob(), &[]);
    let path = "/recommendations?limit=2&kind=book";
    let list = world.get(path).bearer(&token).after(last).ok().await;
    assert_eq!((of(&list, "id")[0], of(&list, "source")[0]), (similar[13], "meaning"), "{list}");
}

#[tokio::test]
async fn a_wish_is_fulfilled_by_what_is_meant() {
    let Some(world) = World::with_meaning().await else { return };
    library(&world).await;
    let found = |answer: &Value| !answer["items"].as_array().unwrap().is_empty();
    let path = "/search/suggest?q=a+novel+about+chasing+a+whale";
    let answer = world.eventually(path, found).await.body;
    assert_eq!(
        (of(&answer, "title")[0], of(&answer, "source")[0]),
        ("Salt", "meaning"),
        "{answer}"
    );
    assert_eq!(answer["understood"]["kind"], json!("book"), "{answer}");
}
