use domain::{BookId, Role};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Answer, Person, World};

/// The path of a new book with so many copies.
async fn book(world: &World, merchandiser: &Person, copies: u32) -> String {
    let book = json!({"title": "Middlemarch", "authors": ["George Eliot"]});
    let book = world.post("/books").bearer(&merchandiser.token).json(book).await.done();
    let path = format!("/books/{}", book.body["id"].as_str().unwrap());
    set_copies(world, merchandiser, &path, json!(copies)).await.done();
    path
}

async fn set_copies(world: &World, by: &Person, book: &str, copies: Value) -> Answer {
    let body = json!({"copies": copies});
    world.put(&format!("{book}/copies")).bearer(&by.token).json(body).await
}

#[tokio::test]
async fn a_reader_borrows_and_returns() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let (ada, bob) = (world.person("ada").await, world.person("bob").await);
    let book = book(&world, &mo, 1).await;
    let loan = format!("{book}/loan");
    let id = book.trim_start_matches("/books/");

    let borrowed = world.put(&loan).bearer(&ada.token).bare().await.done();
    assert_eq!(borrowed.body["stream"], json!({"type": "loan", "id": id}));
    assert_eq!(borrowed.body["sequence"], 2);
    let again = world.put(&loan).bearer(&ada.token).bare().await.done();
    assert_eq!(again.body["unchanged"], true);
    let none_left = world.put(&loan).bearer(&bob.token).bare().await;
    assert_eq!(none_left.problem(), (409, "no-copy-left"));
    let not_his = world.delete(&loan).bearer(&bob.token).bare().await;
    assert_eq!(not_his.problem(), (409, "not-borrowed"));

    world.delete(&loan).bearer(&ada.token).bare().await.done();
    world.put(&loan).bearer(&bob.token).bare().await.done();
}

#[tokio::test]
async fn copies_that_are_out_stay_counted() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let (ada, bob) = (world.person("ada").await, world.person("bob").await);
    let book = book(&world, &mo, 3).await;
    for reader in [&ada, &bob] {
        world.put(&format!("{book}/loan")).bearer(&reader.token).bare().await.done();
    }

    let too_few = set_copies(&world, &mo, &book, json!(1)).await;
    assert_eq!((too_few.problem(), &too_few.body["out"]), ((409, "copies-out"), &json!(2)));
    set_copies(&world, &mo, &book, json!(2)).await.done();
    assert_eq!(set_copies(&world, &mo, &book, json!(2)).await.done().body["unchanged"], true);
}

#[tokio::test]
async fn what_has_gone_from_the_catalogue_comes_back_but_does_not_go_out() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let (ada, bob) = (world.person("ada").await, world.person("bob").await);
    let book = book(&world, &mo, 2).await;
    let loan = format!("{book}/loan");
    world.put(&loan).bearer(&ada.token).bare().await.done();
    world.delete(&book).bearer(&mo.token).bare().await.done();

    let gone = world.put(&loan).bearer(&bob.token).bare().await;
    assert_eq!(gone.problem(), (410, "book-withdrawn"));
    world.delete(&loan).bearer(&ada.token).bare().await.done();
    set_copies(&world, &mo, &book, json!(0)).await.done();

    let nothing = format!("/books/{}", Uuid::now_v7());
    let unknown = world.put(&format!("{nothing}/loan")).bearer(&bob.token).bare().await;
    assert_eq!(unknown.problem(), (404, "book-unknown"));
    let unknown = set_copies(&world, &mo, &nothing, json!(1)).await;
    assert_eq!(unknown.problem(), (404, "book-unknown"));
}

#[tokio::test]
async fn what_is_wrong_with_a_number_of_copies_is_pointed_at_and_only_merchandisers_set_it() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let book = book(&world, &mo, 1).await;
    for copies in [json!(-1), json!(10_001), json!(1.5), json!("3"), json!(null)] {
        let answer = set_copies(&world, &mo, &book, copies).await;
        assert_eq!((answer.problem(), answer.pointer()), ((422, "invalid"), "/copies"));
    }
    set_copies(&world, &mo, &book, json!(10_000)).await.done();
    let ada = world.person("ada").await;
    let refused = set_copies(&world, &ada, &book, json!(1)).await;
    assert_eq!(refused.problem(), (403, "forbidden"));
    let stranger = world.put(&format!("{book}/loan")).bare().await;
    assert_eq!(stranger.problem(), (401, "token-required"));
}

/// Each process has a cache of its own; what they decide on it the log lets pass or not.
#[tokio::test]
async fn many_readers_in_two_processes_never_take_more_copies_than_there_are() {
    let world = World::start().await;
    let mo = world.person_with("mo", &[Role::Merchandiser]).await;
    let book: BookId = book(&world, &mo, 5).await.trim_start_matches("/books/").parse().unwrap();
    let neighbour = world.neighbour().await;

    let readers = (0..30).map(|number| {
        let world = if number % 2 == 0 { &world } else { &neighbour };
        async move {
            let reader = Uuid::now_v7().into();
            command_api::loan::borrow(&world.log, &world.system(), book, reader).await
        }
    });
    let answers = futures::future::join_all(readers).await;
    let borrowed = answers.iter().filter(|answer| answer.is_ok()).count();
    let codes: Vec<&str> =
        answers.iter().filter_map(|a| a.as_ref().err()).map(|p| p.code()).collect();
    assert_eq!((borrowed, codes), (5, vec!["no-copy-left"; 25]));
}
