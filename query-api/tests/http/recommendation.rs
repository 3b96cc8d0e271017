mod learned;

use domain::account::{self, Account, ProfileChanges};
use domain::book::{self, Book};
use domain::follow::{self, Follow};
use domain::samples::{ada, at, bob, tags, uuid};
use domain::shelf::{self, Shelf, ShelfId};
use domain::weekly::{self, Period, Weekly};
use domain::{AccountId, BookId};
use serde_json::{Value, json};

use crate::world::World;

const BOOKS: [(u128, &str, &str); 6] = [
    (1, "Emma", "classics"),
    (2, "Persuasion", "classics"),
    (3, "Middlemarch", "classics"),
    (4, "Dune", "science fiction"),
    (5, "Solaris", "science fiction"),
    (6, "Ulysses", "modern"),
];

fn book(n: u128) -> BookId {
    uuid(n).into()
}

/// Three readers of classics and two of science fiction.
async fn library(world: &World) -> i64 {
    for (n, title, genre) in BOOKS {
        world.add_book(book(n), title, &format!("Author {n}"), Some(genre)).await;
    }
    let mut last = 0;
    for (reader, books) in [
        (11, vec![1, 2, 3]),
        (12, vec![1, 2]),
        (13, vec![1, 2]),
        (14, vec![4, 5]),
        (15, vec![4, 5]),
    ] {
        for n in books {
            let reader: AccountId = uuid(reader).into();
            last = world.rate(reader, book(n), 9).await;
        }
    }
    last
}

fn of<'a>(answer: &'a Value, field: &str) -> Vec<&'a str> {
    answer["items"].as_array().unwrap().iter().map(|i| i[field].as_str().unwrap()).collect()
}

fn shares_of(item: &Value) -> f64 {
    item["reasons"].as_array().unwrap().iter().filter_map(|r| r["share"].as_f64()).sum()
}

#[tokio::test]
async fn similar_items_share_readers_and_say_how_many() {
    let world = World::start().await;
    let last = library(&world).await;
    let path = format!("/books/{}/similar", book(1));
    let similar = world.get(&path).after(last).ok().await;
    let first = &similar["items"][0];
    assert_eq!(
        (&first["title"], &first["source"]),
        (&json!("Persuasion"), &json!("co-occurrence"))
    );
    assert_eq!(first["score"], json!(1.0));
    assert_eq!(first["reasons"]["together"], json!(3));
    let second = &similar["items"][1];
    assert_eq!((&second["title"], &second["source"]), (&json!("Middlemarch"), &json!("content")));
    assert_eq!(second["reasons"]["in_common"], json!(["classics"]));
}

#[tokio::test]
async fn a_reader_gets_what_readers_with_the_same_likings_like() {
    let world = World::start().await;
    library(&world).await;
    let last = world.rate(ada(), book(4), 8).await;
    let token = world.token(ada(), &[]);
    let ask = world.get("/recommendations?kind=book&limit=6").bearer(&token).after(last);
    let list = ask.ok().await;
    assert_eq!(of(&list, "title")[0], "Solaris");
    let first = &list["items"][0];
    assert_eq!(first["source"], json!("co-occurrence"));
    assert_eq!(first["reasons"][0]["because"], json!(format!("book:{}", book(4))));
    let shares: f64 =
        first["reasons"].as_array().unwrap().iter().filter_map(|r| r["share"].as_f64()).sum();
    assert!((shares - first["score"].as_f64().unwrap()).abs() < 1e-9);
    assert!(!of(&list, "title").contains(&"Dune"), "what was rated is not recommended");
    assert!(of(&list, "source").contains(&"top"));
    assert_eq!(of(&list, "source").last(), Some(&"newest"));
}

#[tokio::test]
async fn genres_come_next_when_nobody_shares_a_liking() {
    let world = World::start().await;
    library(&world).await;
    world.add_book(book(7), "Cranford", "Elizabeth Gaskell", Some("classics")).await;
    let last = world.rate(bob(), book(7), 10).await;
    let token = world.token(bob(), &[]);
    let list = world.get("/recommendations").bearer(&token).after(last).ok().await;
    assert_eq!(list["items"].as_array().unwrap().len(), 5);
    assert_eq!(list["items"][0]["source"], json!("genres"));
    assert_eq!(list["items"][0]["reasons"][0]["because"], json!("genre:classics"));
}

#[tokio::test]
async fn what_is_of_several_liked_genres_names_them_all() {
    let world = World::start().await;
    world.add_book(book(1), "Emma", "Jane Austen", Some("classics")).await;
    world.add_book(book(2), "Dracula", "Bram Stoker", Some("gothic")).await;
    let details = book::Details {
        genres: tags(["satire", "gothic", "classics"]),
        ..book::samples::details("Northanger Abbey", "Jane Austen")
    };
    world.run::<Book>(book(3), book::samples::add(book(3), details)).await;
    world.rate(bob(), book(3), 9).await;
    world.rate(ada(), book(1), 9).await;
    let last = world.rate(ada(), book(2), 9).await;
    let token = world.token(ada(), &[]);
    let list = world.get("/recommendations?limit=1").bearer(&token).after(last).ok().await;
    let abbey = &list["items"][0];
    let because: Vec<_> =
        abbey["reasons"].as_array().unwrap().iter().map(|r| &r["because"]).collect();
    assert_eq!(abbey["source"], json!("genres"), "{list}");
    assert_eq!(because, [&json!("genre:classics"), &json!("genre:gothic")], "{list}");
    assert!((shares_of(abbey) - abbey["score"].as_f64().unwrap()).abs() < 1e-9, "{list}");
}

#[tokio::test]
async fn a_session_without_an_account_is_recommended_by_what_it_looked_at() {
    let world = World::start().await;
    let last = library(&world).await;
    let path = format!("/recommendations?items=book:{}&limit=1", book(5));
    let list = world.get(&path).after(last).ok().await;
    assert_eq!(of(&list, "title"), ["Dune"]);
    let bad = world.get("/recommendations?items=dune").problem().await;
    assert_eq!(bad, (422, "invalid".to_owned()));
}

#[tokio::test]
async fn the_top_list_ranks_by_bayesian_average() {
    let world = World::start().await;
    library(&world).await;
    let last = world.rate(ada(), book(6), 10).await;
    let all = world.get("/top").after(last).ok().await;
    let scores: Vec<f64> =
        all["items"].as_array().unwrap().iter().filter_map(|i| i["score"].as_f64()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b));
    assert_eq!(all["items"][0]["rank"], json!(1));
    let week = world.get("/top?period=week&genre=modern&kind=book").ok().await;
    assert_eq!(of(&week, "title"), ["Ulysses"]);
    assert_eq!(week["items"][0]["ratings_in_period"], json!(1));
}

/// Today's list of the week, of books, in this order.
async fn fix_week(world: &World, books: &[u128], genre: &str) -> i64 {
    let lists = vec![weekly::samples::list(None, books), weekly::samples::list(Some(genre), books)];
    let lists = vec![weekly::samples::of_books(Period::Week, lists)];
    let day = weekly::samples::day(0);
    world.run::<Weekly>(day, weekly::samples::fix(day, lists)).await
}

#[tokio::test]
async fn the_weekly_list_stands_as_it_was_fixed_in_pages() {
    let world = World::start().await;
    library(&world).await;
    let none = world.get("/lists/weekly").ok().await;
    assert_eq!((&none["day"], &none["items"]), (&Value::Null, &json!([])));

    let fixed = fix_week(&world, &[6, 1, 4], "modern").await;
    let list = world.get("/lists/weekly?limit=2").after(fixed).ok().await;
    assert_eq!(of(&list, "title"), ["Ulysses", "Emma"]);
    assert_eq!((&list["day"], &list["period"]), (&json!("2026-03-01"), &json!("week")));
    assert_eq!((&list["items"][0]["rank"], &list["items"][0]["score"]), (&json!(1), &json!(9.5)));
    let next = list["next"].as_str().unwrap();
    let rest = world.get(&format!("/lists/weekly?limit=2&cursor={next}")).ok().await;
    assert_eq!((of(&rest, "title"), &rest["next"]), (vec!["Dune"], &Value::Null));
    let modern = world.get("/lists/weekly?genre=Modern&kind=book&period=week").ok().await;
    assert_eq!(of(&modern, "title"), ["Ulysses", "Emma", "Dune"]);
    let nothing = world.get("/lists/weekly?genre=sand").ok().await;
    assert_eq!((&nothing["day"], &nothing["items"]), (&json!("2026-03-01"), &json!([])));
    let month = world.get("/lists/weekly?period=month").ok().await;
    assert_eq!((&month["day"], &month["items"]), (&Value::Null, &json!([])));
    let year = world.get("/lists/weekly?period=year").problem().await;
    assert_eq!(year, (422, "invalid".to_owned()));
}

#[tokio::test]
async fn who_is_new_gets_the_weekly_list_and_below_it_the_live_one() {
    let world = World::start().await;
    library(&world).await;
    let fixed = fix_week(&world, &[6, 5], "modern").await;
    let token = world.token(bob(), &[]);
    let list = world.get("/recommendations?limit=3").bearer(&token).after(fixed).ok().await;
    assert_eq!(of(&list, "title")[..2], ["Ulysses", "Solaris"]);
    assert_eq!(of(&list, "source"), ["weekly", "weekly", "top"]);
    assert_eq!(list["items"][0]["model_version"], json!("weekly/2026-03-01"));
    let modern = "/recommendations?category=modern&limit=1";
    let list = world.get(modern).bearer(&token).ok().await;
    assert_eq!((of(&list, "title"), of(&list, "source")), (vec!["Ulysses"], vec!["weekly"]));
}

#[tokio::test]
async fn a_list_has_variety_as_long_as_anything_else_is_left() {
    let world = World::start().await;
    library(&world).await;
    // By the author of Emma; and a shelf of new classics.
    world.add_book(book(7), "Charades", "Author 1", Some("gothic")).await;
    let mut last = 0;
    for n in 20..40 {
        last = world.add_book(book(n), "Something old", &n.to_string(), Some("classics")).await;
    }
    let token = world.token(ada(), &[]);
    let path = "/recommendations?kind=book&limit=5&per_category=1";
    let list = world.get(path).bearer(&token).after(last).ok().await;
    let titles = of(&list, "title");
    // The best of each genre, the newest of one that nobody rated, and then more of the same.
    assert_eq!(titles[..3], ["Emma", "Dune", "Ulysses"], "{list}");
    assert_eq!(titles[3..], ["Persuasion", "Middlemarch"], "{list}");

    let usual = world.get("/recommendations?kind=book&limit=10").bearer(&token).ok().await;
    let items = usual["items"].as_array().unwrap().iter();
    let classics = items.filter(|item| item["genres"][0] == json!("classics")).count();
    assert_eq!((of(&usual, "title").len(), classics), (10, 6), "{usual}");

    let asked_for = "/recommendations?category=classics&limit=3&per_category=1";
    let asked_for = world.get(asked_for).bearer(&token).ok().await;
    assert_eq!(of(&asked_for, "title"), ["Emma", "Persuasion", "Middlemarch"], "{asked_for}");
    for bad in [0, 51] {
        let bad = world.get(&format!("/recommendations?per_category={bad}")).bearer(&token);
        assert_eq!(bad.problem().await, (422, "invalid".to_owned()));
    }
}

#[tokio::test]
async fn who_is_new_gets_the_chosen_topics_then_what_those_like_whom_they_follow() {
    let world = World::start().await;
    library(&world).await;
    world.add_book(book(7), "Cranford", "Elizabeth Gaskell", Some("classics")).await;
    let (rita, rolf): (AccountId, AccountId) = (uuid(14).into(), uuid(15).into());
    for (who, name) in [(ada(), "Ada"), (rita, "Rita"), (rolf, "Rolf")] {
        world.register(who, name).await;
    }
    let changes = ProfileChanges { topics: Some(tags(["classics"])), ..ProfileChanges::default() };
    let choose = account::Command::ChangeProfile { account: ada(), changes, at: at(1) };
    world.run::<Account>(ada(), choose).await;
    // What they think little of is no reason.
    world.rate(rolf, book(6), 3).await;
    let shelf = ShelfId { reader: rolf, item: book(5).into() };
    let mut last =
        world.run::<Shelf>(shelf, shelf::Command::AddFavourite { shelf, at: at(1) }).await;
    for followee in [rita, rolf] {
        let pair = follow::samples::pair(ada(), followee);
        last = world.run::<Follow>(pair, follow::samples::follow(pair)).await;
    }
    let token = world.token(ada(), &[]);
    let path = "/recommendations?kind=book&limit=7&per_category=7";
    let list = world.get(path).bearer(&token).after(last).ok().await;

    let sources = ["topics", "topics", "topics", "topics", "followed", "followed", "top"];
    assert_eq!(of(&list, "source"), sources, "{list}");
    assert_eq!(list["items"][0]["reasons"][0]["because"], json!("topic:classics"));
    // Rated by nobody yet.
    assert!(of(&list, "title")[..4].contains(&"Cranford"), "{list}");
    let dune = &list["items"][4];
    assert_eq!(dune["score"], json!(3_f64.ln()), "two like it: {list}");
    let because: Vec<_> =
        dune["reasons"].as_array().unwrap().iter().map(|r| &r["because"]).collect();
    let accounts = [format!("account:{rita}"), format!("account:{rolf}")];
    assert_eq!(because, [&json!(accounts[0]), &json!(accounts[1])], "{list}");
    assert!((shares_of(dune) - 3_f64.ln()).abs() < 1e-9, "{list}");

    // What an erased person liked is nobody's reason any more.
    let erase = account::Command::Erase { account: rita, at: at(9) };
    last = world.run::<Account>(rita, erase).await;
    let list = world.get(path).bearer(&token).after(last).ok().await;
    assert!(!list.to_string().contains(&accounts[0]), "{list}");
}
