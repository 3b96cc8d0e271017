use domain::account::{self, Account, ProfileChanges};
use domain::book::{self, Book};
use domain::follow::{self, Follow};
use domain::samples::{ada, at, bob, tags, uuid};
use domain::shelf::{self, Shelf, ShelfId};
use domain::weekly::{self, Period, Weekly};
use domain::{AccountId, BookId};
use processes::{Trained, Training, train};
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
async fn once_fitted_the_model_recommends_on_the_profile_of_the_moment() {
    let world = World::start().await;
    let last = library(&world).await;
    world.get("/top?kind=book").after(last).ok().await;
    let similar = format!("/books/{}/similar", book(1));
    world.get(&similar).after(last).ok().await;
    let training = Training { lambda: 1.0, people_min: 1, ..Training::default() };
    let Trained::Serves(fit) = train(&world.log, training).await.unwrap() else {
        panic!("the first fit serves")
    };
    assert_eq!((fit.people, fit.items, fit.metrics), (5, 5, None));
    assert!(fit.position >= last);

    let token = world.token(ada(), &[]);
    let ask = || world.get("/recommendations?kind=book&limit=4").bearer(&token);
    let rated = world.rate(ada(), book(4), 8).await;
    let list = ask().after(rated).ok().await;
    let first = &list["items"][0];
    assert_eq!((&first["title"], &first["source"]), (&json!("Solaris"), &json!("model")), "{list}");
    let version = first["model_version"].as_str().unwrap();
    assert!(version.starts_with(&format!("ease/{}@", &fit.model_hash[..12])), "{version}");
    let shares: f64 =
        first["reasons"].as_array().unwrap().iter().filter_map(|r| r["share"].as_f64()).sum();
    assert!((shares - first["score"].as_f64().unwrap()).abs() < 1e-6, "{list}");
    // The profile is live, the model is not.
    let rated = world.rate(ada(), book(1), 9).await;
    let list = ask().after(rated).ok().await;
    assert_eq!(of(&list, "title")[0], "Persuasion", "{list}");
    assert!(!of(&list, "title").contains(&"Emma"), "{list}");

    // Lost between the event and the table: the next fit makes up for it.
    let pool = world.log.pool();
    sqlx::query("update processes.models set serving = false").execute(pool).await.unwrap();
    let again = train(&world.log, training).await.unwrap();
    assert!(matches!(again, Trained::Serves(_)), "somebody likes more than before: {again:?}");
    let known = train(&world.log, training).await.unwrap();
    assert!(matches!(known, Trained::Known(_)), "{known:?}");
    let serving: i64 = sqlx::query_scalar("select count(*) from processes.models where serving")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(serving, 1);
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
async fn the_model_recommends_with_variety_too() {
    let world = World::start().await;
    for n in 1..=4 {
        world.add_book(book(n), &format!("Old {n}"), &n.to_string(), Some("classics")).await;
    }
    world.add_book(book(5), "Dune", "Frank Herbert", Some("science fiction")).await;
    let mut last = 0;
    for (reader, books) in [(11, 1..=4), (12, 1..=4), (13, 1..=5)] {
        for n in books {
            let reader: AccountId = uuid(reader).into();
            last = world.rate(reader, book(n), 9).await;
        }
    }
    world.get(&format!("/books/{}/similar", book(1))).after(last).ok().await;
    let training = Training { lambda: 1.0, people_min: 1, ..Training::default() };
    train(&world.log, training).await.unwrap();
    let last = world.rate(ada(), book(1), 9).await;
    let token = world.token(ada(), &[]);
    let titles = async |query: &str| {
        let path = format!("/recommendations?kind=book&{query}");
        let list = world.get(&path).bearer(&token).after(last).ok().await;
        assert!(of(&list, "source").iter().all(|source| *source == "model"), "{list}");
        of(&list, "title").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let all = titles("limit=4&per_category=4").await;
    assert_eq!(all.last().unwrap(), "Dune", "{all:?}");
    let two = titles("limit=2&per_category=1").await;
    assert_eq!(two, [&all[0], "Dune"]);
    // What is passed over comes when nothing else is left.
    let four = titles("limit=4&per_category=1").await;
    assert_eq!(four, [&all[0], "Dune", &all[1], &all[2]]);
}

fn shares_of(item: &Value) -> f64 {
    item["reasons"].as_array().unwrap().iter().filter_map(|r| r["share"].as_f64()).sum()
}

#[tokio::test]
async fn shares_add_up_however_many_like_an_item() {
    let world = World::start().await;
    for (n, title, genre) in BOOKS {
        world.add_book(book(n), title, &format!("Author {n}"), Some(genre)).await;
    }
    // Carol likes Emma before six hundred others do, and Solaris with Dune when they are through.
    let carol: AccountId = uuid(0xca).into();
    world.rate(carol, book(1), 9).await;
    let others = (1_000..1_600).map(|n| world.rate(uuid(n).into(), book(1), 9));
    futures::future::join_all(others).await;
    world.rate(carol, book(5), 9).await;
    world.rate(carol, book(4), 9).await;
    world.rate(ada(), book(1), 9).await;
    let last = world.rate(ada(), book(5), 9).await;
    let token = world.token(ada(), &[]);
    let path = "/recommendations?kind=book&limit=1";
    let list = world.get(path).bearer(&token).after(last).ok().await;

    let dune = &list["items"][0];
    assert_eq!((&dune["title"], &dune["source"]), (&json!("Dune"), &json!("co-occurrence")));
    assert!((shares_of(dune) - dune["score"].as_f64().unwrap()).abs() < 1e-6, "{list}");
    let because: Vec<_> =
        dune["reasons"].as_array().unwrap().iter().map(|r| &r["because"]).collect();
    // She is none of the newest five hundred who like Emma.
    assert_eq!(because, [&json!(format!("book:{}", book(5)))], "{list}");
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

#[tokio::test]
async fn what_those_like_whom_a_reader_follows_counts_beside_the_model_and_is_a_reason() {
    let world = World::start().await;
    for n in 1..=3 {
        world.add_book(book(n), &format!("Book {n}"), &n.to_string(), None).await;
    }
    let mut last = 0;
    for reader in [11, 12, 13, 14] {
        let reader: AccountId = uuid(reader).into();
        for n in [1, 2, 3] {
            last = world.rate(reader, book(n), 9).await;
        }
    }
    world.get(&format!("/books/{}/similar", book(1))).after(last).ok().await;
    let training = Training { lambda: 1.0, people_min: 1, ..Training::default() };
    train(&world.log, training).await.unwrap();
    let rated = world.rate(ada(), book(1), 9).await;
    let token = world.token(ada(), &[]);
    let ask = || world.get("/recommendations?kind=book&limit=2").bearer(&token);
    let before = ask().after(rated).ok().await;
    assert_eq!(of(&before, "title"), ["Book 2", "Book 3"], "alike in every way: {before}");

    // One who likes the other, and is followed.
    let rita: AccountId = uuid(15).into();
    world.register(rita, "Rita").await;
    world.rate(rita, book(3), 9).await;
    let pair = follow::samples::pair(ada(), rita);
    let followed = world.run::<Follow>(pair, follow::samples::follow(pair)).await;
    let list = ask().after(followed).ok().await;

    assert_eq!(of(&list, "title"), ["Book 3", "Book 2"], "{list}");
    assert_eq!(of(&list, "source"), ["model", "model"], "{list}");
    let first = &list["items"][0];
    let by_rita = json!(format!("account:{rita}"));
    let reasons = first["reasons"].as_array().unwrap();
    let reason = reasons.iter().find(|reason| reason["because"] == by_rita).unwrap();
    assert!((reason["share"].as_f64().unwrap() - 2_f64.ln()).abs() < 1e-9, "{list}");
    assert!((shares_of(first) - first["score"].as_f64().unwrap()).abs() < 1e-6, "{list}");
}
