use domain::like::samples::give;
use domain::like::{Like, LikeId, Target};
use domain::loan::{self, CopySet};
use domain::samples::{ada, at, bob, uuid};
use domain::{AccountId, BookId};
use serde_json::{Value, json};
use service_kit::clock;

use crate::world::World;

fn book(number: u128) -> BookId {
    uuid(number).into()
}

async fn library(world: &World) -> i64 {
    for (number, title) in [(1, "Emma"), (2, "Persuasion"), (3, "Dune")] {
        world.add_book(book(number), title, "Somebody", None).await;
    }
    for (reader, number) in [(ada(), 2), (bob(), 2), (ada(), 3)] {
        let target = Target::Item(book(number).into());
        let like = LikeId { reader, target };
        world.run::<Like>(like, give(like)).await;
    }
    world.rate(ada(), book(1), 9).await;
    world.rate(bob(), book(1), 9).await;
    world.rate(bob(), book(3), 4).await
}

fn of<'a>(board: &'a Value, field: &str) -> Vec<&'a Value> {
    board["items"].as_array().unwrap().iter().map(|item| &item[field]).collect()
}

#[tokio::test]
async fn every_leaderboard_there_is_says_what_counts_and_answers() {
    let world = World::start().await;
    let last = library(&world).await;
    let boards = world.get("/leaderboards").after(last).ok().await;
    let names = of(&boards, "name");
    assert!(names.len() > 10, "{boards}");
    for (name, counts) in names.into_iter().zip(of(&boards, "counts")) {
        let board = world.get(&format!("/leaderboards/{}", name.as_str().unwrap())).ok().await;
        assert_eq!((&board["name"], &board["counts"]), (name, counts));
    }
    let unknown = world.get("/leaderboards/worst").problem().await;
    assert_eq!(unknown, (404, "leaderboard-unknown".to_owned()));
}

#[tokio::test]
async fn items_are_placed_by_what_the_leaderboard_counts_in_pages() {
    let world = World::start().await;
    let last = library(&world).await;
    let liked = world.get("/leaderboards/most-liked").after(last).ok().await;
    assert_eq!(of(&liked, "title"), ["Persuasion", "Dune"], "{liked}");
    assert_eq!(of(&liked, "score"), [&json!(2.0), &json!(1.0)]);
    assert_eq!(of(&liked, "counted"), [&json!(2), &json!(1)]);

    let first = world.get("/leaderboards/best-books?limit=1").ok().await;
    assert_eq!(of(&first, "title"), ["Emma"]);
    let next = first["next"].as_str().unwrap();
    let rest = world.get(&format!("/leaderboards/best-books?cursor={next}")).ok().await;
    assert_eq!(of(&rest, "title"), ["Dune"]);
    assert_eq!(of(&rest, "rank"), [&json!(2)]);
    // The mean is 22 points of 3 ratings, and weighs as much as five of them.
    let score = |points: f64, ratings: f64| (5.0 * 22.0 / 3.0 + points) / (5.0 + ratings);
    let scores: Vec<f64> =
        [&first, &rest].iter().filter_map(|page| page["items"][0]["score"].as_f64()).collect();
    assert!((scores[0] - score(18.0, 2.0)).abs() < 1e-9, "{scores:?}");
    assert!((scores[1] - score(4.0, 1.0)).abs() < 1e-9, "{scores:?}");
    let foreign = world.get(&format!("/leaderboards/most-liked?cursor={next}")).problem().await;
    assert_eq!(foreign, (400, "bad-cursor".to_owned()));
}

#[tokio::test]
async fn what_happened_before_the_period_does_not_count() {
    let world = World::start().await;
    library(&world).await;
    let borrow = async |number: u128, reader: AccountId, at| {
        let copies = loan::samples::copies(5);
        world
            .run::<CopySet>(
                book(number),
                loan::Command::SetCopies { book: book(number), copies, at },
            )
            .await;
        world
            .run::<CopySet>(book(number), loan::Command::Borrow { book: book(number), reader, at })
            .await
    };
    borrow(1, ada(), at(0)).await;
    let last = borrow(3, bob(), clock::now()).await;
    let board = world.get("/leaderboards/most-borrowed").after(last).ok().await;
    assert_eq!(of(&board, "title"), ["Dune"], "{board}");
    assert_eq!(board["period"], json!("month"));
    assert!(board["since"].is_string());
}
