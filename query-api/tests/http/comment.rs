use domain::account::{self, Account};
use domain::comment::samples::{delete, edit, post, remark};
use domain::comment::{Command, Comment};
use domain::like::samples::give;
use domain::like::{Like, LikeId, Target};
use domain::samples::{ada, at, bob, comment, middlemarch, uuid};
use serde_json::{Value, json};

use crate::world::World;

/// Ada and Bob, and a book.
async fn readers(world: &World) -> String {
    world.register(ada(), "Ada").await;
    world.register(bob(), "Bob").await;
    world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    format!("/books/{}/comments", middlemarch())
}

async fn bob_says(world: &World, number: u128, words: &str) -> i64 {
    let (comment, item) = (comment(number), middlemarch().into());
    let text = remark(bob(), words);
    let command = Command::Post { comment, item, author: bob(), text, at: at(0) };
    world.run::<Comment>(comment, command).await
}

fn texts(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn everybody_reads_the_comments_newest_first_and_page_by_page() {
    let world = World::start().await;
    let path = readers(&world).await;
    world.run::<Comment>(comment(1), post("Dorothea!")).await;
    bob_says(&world, 2, "Casaubon!").await;
    let last = bob_says(&world, 3, "Will!").await;
    let all = world.get(&path).after(last).ok().await;
    assert_eq!(texts(&all), ["Will!", "Casaubon!", "Dorothea!"]);
    let first = &all["items"][2];
    assert_eq!((&first["author"], &first["author_name"]), (&json!(ada()), &json!("Ada")));
    assert_eq!(first["item"], json!(format!("book:{}", middlemarch())));
    assert_eq!((&first["edited_at"], &first["liked_by_me"]), (&json!(null), &json!(null)));

    let page = world.get(&format!("{path}?limit=2")).ok().await;
    assert_eq!(texts(&page), ["Will!", "Casaubon!"]);
    let cursor = page["next"].as_str().unwrap();
    let rest = world.get(&format!("{path}?limit=2&cursor={cursor}")).ok().await;
    assert_eq!((texts(&rest), &rest["next"]), (vec!["Dorothea!"], &json!(null)));
    let elsewhere = world.get(&format!("/comments/{}/likes?cursor={cursor}", comment(1)));
    let token = world.token(ada(), &[]);
    assert_eq!(elsewhere.bearer(&token).problem().await, (400, "bad-cursor".to_owned()));
}

#[tokio::test]
async fn a_comment_is_what_its_author_made_of_it_until_it_is_deleted() {
    let world = World::start().await;
    let path = readers(&world).await;
    world.run::<Comment>(comment(1), post("Dorothea!")).await;
    let last = world.run::<Comment>(comment(1), edit(ada(), "Poor Dorothea!")).await;
    let of_its_own = format!("/comments/{}", comment(1));
    let answer = world.get(&of_its_own).after(last).answer().await;
    assert_eq!(answer.body["text"], json!("Poor Dorothea!"));
    assert_ne!(answer.body["edited_at"], json!(null));
    assert!(answer.header("etag").starts_with("\"2."), "{}", answer.header("etag"));

    let last = world.run::<Comment>(comment(1), delete(bob(), true)).await;
    let page = world.get(&path).after(last).ok().await;
    assert!(page["items"].as_array().unwrap().is_empty());
    assert_eq!(world.get(&of_its_own).problem().await, (404, "comment-unknown".to_owned()));
}

#[tokio::test]
async fn a_comment_says_how_many_like_it_and_whether_i_do() {
    let world = World::start().await;
    let path = readers(&world).await;
    world.run::<Comment>(comment(1), post("Dorothea!")).await;
    let like = LikeId { reader: bob(), target: Target::Comment(comment(1)) };
    let last = world.run::<Like>(like, give(like)).await;
    for (reader, liked) in [(ada(), false), (bob(), true)] {
        let token = world.token(reader, &[]);
        let page = world.get(&path).bearer(&token).after(last).ok().await;
        let comment = &page["items"][0];
        assert_eq!((&comment["likes"], &comment["liked_by_me"]), (&json!(1), &json!(liked)));
    }
}

#[tokio::test]
async fn what_an_erased_person_said_cannot_be_read_and_never_stood_in_the_read_model() {
    let world = World::start().await;
    let path = readers(&world).await;
    world.run::<Comment>(comment(1), post("Dorothea!")).await;
    let last = bob_says(&world, 2, "Casaubon!").await;
    assert_eq!(texts(&world.get(&path).after(last).ok().await), ["Casaubon!", "Dorothea!"]);
    let rows: Vec<String> =
        sqlx::query_scalar("select to_jsonb(c)::text from readmodel.comments c")
            .fetch_all(world.log.pool())
            .await
            .unwrap();
    let rows = rows.join("\n");
    assert!(rows.contains("sealed") && !rows.contains("Dorothea"), "{rows}");

    let erase = account::Command::Erase { account: ada(), at: at(1) };
    let erased = world.run::<Account>(ada(), erase).await;
    let page = world.get(&path).after(erased).ok().await;
    let (his, hers) = (&page["items"][0], &page["items"][1]);
    assert_eq!((&his["text"], &his["author_name"]), (&json!("Casaubon!"), &json!("Bob")));
    assert_eq!((&hers["text"], &hers["author_name"]), (&json!(null), &json!(null)));
    assert_eq!(hers["id"], json!(comment(1)));
}

#[tokio::test]
async fn what_is_not_there_has_no_comments() {
    let world = World::start().await;
    let path = readers(&world).await;
    let last = bob_says(&world, 1, "Casaubon!").await;
    world.get(&path).after(last).ok().await;
    let unknown = world.get(&format!("/books/{}/comments", uuid(9))).problem().await;
    assert_eq!(unknown, (404, "item-unknown".to_owned()));
    let nothing = world.get(&format!("/films/{}/comments", uuid(9))).problem().await;
    assert_eq!(nothing, (404, "not-found".to_owned()));
    let unknown = world.get(&format!("/comments/{}", uuid(9))).problem().await;
    assert_eq!(unknown, (404, "comment-unknown".to_owned()));
}
