use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Program, System, daybook};

const SETTING: &str = "DAYBOOK_LEADERBOARDS";

/// What is only said when it is wrong.
fn refused(boards: &str) -> String {
    let mut command = daybook();
    command.args(["config", "dump"]).env(SETTING, boards);
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{boards}");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn the_most_liked_and_the_best_stand_first_and_a_page_leads_to_the_next() {
    let system = System::start().await;
    let genre = format!("genre {}", Uuid::now_v7().simple());
    let book = json!({ "title": "Emma", "authors": ["Jane Austen"], "genres": [genre] });
    let book = system.add_book(book).await;
    let (ada, bob) = (system.ada().await, system.bob().await);
    for reader in [&ada, &bob] {
        reader.put(format!("books/{book}/like"), json!({})).await.accepted();
    }
    let last = ada.rate(book, 9).await.accepted();

    let boards = system.get("leaderboards").after(&last).await.ok();
    let names: Vec<&Value> =
        boards["items"].as_array().unwrap().iter().map(|board| &board["name"]).collect();
    assert!(names.contains(&&json!("most-liked")), "{boards}");
    let board = ada.get("leaderboards/most-liked?limit=1").after(&last).await.ok();
    assert_eq!(board["counts"], "likes", "{board}");
    assert!(board["items"][0]["score"].as_f64().unwrap() >= 2.0, "{board}");
    system.get("leaderboards/worst").await.refused(404, "leaderboard-unknown");
}

#[tokio::test]
async fn whoever_runs_the_system_names_leaderboards_of_their_own() {
    let boards = r#"{ sand = { counts = "ratings", kind = "book", genre = "Sand" },
                      best-sellers = { period = "week" } }"#;
    let up = || Program::up_with("leaderboards", &["--ephemeral"], &[(SETTING, boards)]);
    let program = tokio::task::spawn_blocking(up).await.unwrap();
    let system = System::of(&program).await;
    let add = |title: &str, genre: &str| json!({ "title": title, "authors": ["Somebody"], "genres": [genre] });
    let dune = system.add_book(add("Dune", "sand")).await;
    let emma = system.add_book(add("Emma", "classics")).await;
    let ada = system.ada().await;
    ada.rate(dune, 3).await.accepted();
    let last = ada.rate(emma, 10).await.accepted();

    let board = system.get("leaderboards/sand").after(&last).await.ok();
    let items = board["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["id"]), (1, &json!(dune)), "{board}");
    assert_eq!((&items[0]["score"], &board["genre"]), (&json!(1.0), &json!("sand")), "{board}");
    let ours = system.get("leaderboards/best-sellers").await.ok();
    assert_eq!((&ours["period"], &ours["counts"]), (&json!("week"), &json!("orders")), "{ours}");
}

#[test]
fn a_leaderboard_that_cannot_be_stops_the_program_and_says_which_and_why() {
    for (boards, said) in [
        (r#"{ best = { counts = "stars" } }"#, "stars"),
        (r#"{ best = { period = "week" } }"#, "counts"),
        (r#"{ best = { counts = "likes", genres = "sand" } }"#, "genres"),
        (r#"{ lent = { counts = "loans", kind = "course" } }"#, "only of a book"),
        (r#"{ "The Best" = { counts = "likes" } }"#, "`The Best`"),
        (r#"{ best = { counts = "likes", genre = "" } }"#, "empty"),
        ("most-liked", "leaderboards"),
    ] {
        let words = refused(boards);
        assert!(words.contains(said) && words.contains("leaderboards"), "{boards}: {words}");
    }
}
