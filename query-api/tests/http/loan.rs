use chrono::{DateTime, TimeDelta, Utc};
use domain::loan::{Command, CopySet, samples};
use domain::samples::{ada, bob, middlemarch, uuid};
use domain::{AccountId, BookId, Role};
use serde_json::{Value, json};
use service_kit::clock;

use crate::world::World;

/// Longer than anybody may keep a book.
const TOO_LONG: TimeDelta = TimeDelta::days(domain::loan::LOAN_DAYS as i64 + 1);

async fn book(world: &World, book: BookId, title: &str, copies: u32) -> i64 {
    world.add_book(book, title, "George Eliot", None).await;
    let copies = samples::copies(copies);
    let command = Command::SetCopies { book, copies, at: clock::now() };
    world.run::<CopySet>(book, command).await
}

async fn borrow(world: &World, reader: AccountId, book: BookId, at: DateTime<Utc>) -> i64 {
    world.run::<CopySet>(book, Command::Borrow { book, reader, at }).await
}

fn of<'a>(page: &'a Value, field: &str) -> Vec<&'a Value> {
    page["items"].as_array().unwrap().iter().map(|item| &item[field]).collect()
}

#[tokio::test]
async fn a_book_tells_how_many_copies_are_left() {
    let world = World::start().await;
    let last = world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    let path = format!("/books/{}", middlemarch());
    let none = world.get(&path).after(last).ok().await;
    assert_eq!((&none["copies"], &none["available"]), (&json!(0), &json!(0)));

    world.run::<CopySet>(middlemarch(), samples::set_copies(3)).await;
    let last = borrow(&world, ada(), middlemarch(), clock::now()).await;
    let page = world.get(&path).after(last).ok().await;
    assert_eq!((&page["copies"], &page["available"]), (&json!(3), &json!(2)));
    let list = world.get("/books").ok().await;
    assert_eq!((of(&list, "copies"), of(&list, "available")), (vec![&json!(3)], vec![&json!(2)]));

    let withdraw = domain::book::samples::withdraw(middlemarch());
    let last = world.run::<domain::book::Book>(middlemarch(), withdraw).await;
    let page = world.get(&path).after(last).ok().await;
    assert_eq!((&page["copies"], &page["available"]), (&json!(3), &json!(0)));
}

#[tokio::test]
async fn my_loans_are_what_i_have_or_what_i_returned() {
    let world = World::start().await;
    let emma: BookId = uuid(2).into();
    book(&world, middlemarch(), "Middlemarch", 2).await;
    book(&world, emma, "Emma", 2).await;
    let now = clock::now();
    borrow(&world, ada(), middlemarch(), now - TOO_LONG).await;
    borrow(&world, bob(), emma, now).await;
    let last = borrow(&world, ada(), emma, now).await;

    let token = world.token(ada(), &[]);
    let page = world.get("/accounts/me/loans").bearer(&token).after(last).ok().await;
    assert_eq!(of(&page, "title"), [&json!("Emma"), &json!("Middlemarch")]);
    assert_eq!(of(&page, "overdue"), [&json!(false), &json!(true)]);
    assert_eq!(of(&page, "returned_at"), [&json!(null), &json!(null)]);
    assert_eq!(of(&page, "reader"), [&json!(null), &json!(null)], "nobody else is in it");
    let none = world.get("/accounts/me/loans?returned=true").bearer(&token).ok().await;
    assert_eq!(none["items"], json!([]));

    let back = Command::Return { book: middlemarch(), reader: ada(), at: now };
    let last = world.run::<CopySet>(middlemarch(), back).await;
    let page = world.get("/accounts/me/loans").bearer(&token).after(last).ok().await;
    assert_eq!(of(&page, "title"), [&json!("Emma")]);
    let returned = world.get("/accounts/me/loans?returned=true").bearer(&token).ok().await;
    assert_eq!(of(&returned, "title"), [&json!("Middlemarch")]);
    assert_eq!(of(&returned, "overdue"), [&json!(false)], "late, but back");
    assert_eq!(of(&returned, "returned_at"), [&json!(now)]);
    let stranger = world.get("/accounts/me/loans").problem().await;
    assert_eq!(stranger, (401, "token-required".to_owned()));
}

#[tokio::test]
async fn who_keeps_the_books_sees_what_is_out_longest_first_and_what_is_overdue() {
    let world = World::start().await;
    book(&world, middlemarch(), "Middlemarch", 3).await;
    let now = clock::now();
    borrow(&world, ada(), middlemarch(), now - TOO_LONG).await;
    let last = borrow(&world, bob(), middlemarch(), now).await;

    let mo = world.token(uuid(5).into(), &[Role::Merchandiser]);
    let out = world.get("/loans").bearer(&mo).after(last).ok().await;
    assert_eq!(of(&out, "reader"), [&json!(ada()), &json!(bob())]);
    let first = world.get("/loans?limit=1").bearer(&mo).ok().await;
    assert_eq!(of(&first, "reader"), [&json!(ada())]);
    let next = format!("/loans?limit=1&cursor={}", first["next"].as_str().unwrap());
    let second = world.get(&next).bearer(&mo).ok().await;
    assert_eq!((of(&second, "reader"), &second["next"]), (vec![&json!(bob())], &json!(null)));

    let olga = world.token(uuid(6).into(), &[Role::Operator]);
    let overdue = world.get("/loans?overdue=true").bearer(&olga).ok().await;
    assert_eq!(of(&overdue, "reader"), [&json!(ada())]);
    assert_eq!(of(&overdue, "title"), [&json!("Middlemarch")]);
    let reader = world.token(ada(), &[]);
    let refused = world.get("/loans?overdue=true").bearer(&reader).problem().await;
    assert_eq!(refused, (403, "forbidden".to_owned()));
    let wrong = world.get("/loans?overdue=perhaps").bearer(&mo).answer().await;
    assert_eq!(wrong.body["errors"][0]["pointer"], json!("/query/overdue"));
}

#[tokio::test]
async fn what_readers_have_who_are_gone_is_found() {
    let world = World::start().await;
    book(&world, middlemarch(), "Middlemarch", 3).await;
    world.register(ada(), "Ada").await;
    world.register(bob(), "Bob").await;
    let now = clock::now();
    borrow(&world, ada(), middlemarch(), now).await;
    borrow(&world, bob(), middlemarch(), now).await;
    let erase = domain::account::Command::Erase { account: bob(), at: now };
    let last = world.run::<domain::account::Account>(bob(), erase).await;

    let mo = world.token(uuid(5).into(), &[Role::Merchandiser]);
    let out = world.get("/loans").bearer(&mo).after(last).ok().await;
    assert_eq!(of(&out, "reader_state"), [&json!("active"), &json!("erased")]);
    let gone = world.get("/loans?gone=true").bearer(&mo).ok().await;
    assert_eq!(of(&gone, "reader"), [&json!(bob())]);
    let mine = world.get("/accounts/me/loans").bearer(&world.token(ada(), &[])).ok().await;
    assert_eq!(mine["items"][0].get("reader_state"), None);
}
