//! What is learned of who likes what: by the model that was fitted, or before there is one.

use domain::AccountId;
use domain::follow::{self, Follow};
use domain::samples::{ada, uuid};
use processes::{Trained, Training, train};
use serde_json::json;

use super::{BOOKS, book, library, of, shares_of};
use crate::world::World;

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
