use domain::account::{self, Account};
use domain::comment::Comment;
use domain::comment::samples::{delete, post};
use domain::course::samples::{add_lesson, details, publish};
use domain::course::{self, Course};
use domain::like::samples::{give, take_back};
use domain::like::{Like, LikeId, Target};
use domain::product::{self, Product};
use domain::samples::{
    ada, at, bob, comment, lantern, lesson, middlemarch, pounds, rust_course, uuid,
};
use domain::{AccountId, ItemId};
use serde_json::json;

use crate::world::World;

async fn likes(world: &World, reader: AccountId, target: Target) -> i64 {
    let like = LikeId { reader, target };
    world.run::<Like>(like, give(like)).await
}

fn item(item: impl Into<ItemId>) -> Target {
    Target::Item(item.into())
}

#[tokio::test]
async fn an_items_page_and_list_say_how_many_like_it_and_the_page_whether_i_do() {
    let world = World::start().await;
    world.register(ada(), "Ada").await;
    world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    let details = Box::new(details(Some("Read before you write."), Some(30)));
    let create = course::Command::Create { course: rust_course(), by: ada(), details, at: at(0) };
    world.run::<Course>(rust_course(), create).await;
    world.run::<Course>(rust_course(), add_lesson(ada(), lesson(1), None)).await;
    world.run::<Course>(rust_course(), publish()).await;
    let add = product::samples::add(lantern(), product::samples::full_details(), pounds(339));
    world.run::<Product>(lantern(), add).await;

    let (adas, bobs) = (world.token(ada(), &[]), world.token(bob(), &[]));
    for (kind, target) in [
        ("books", item(middlemarch())),
        ("courses", item(rust_course())),
        ("products", item(lantern())),
    ] {
        likes(&world, ada(), target).await;
        let last = likes(&world, bob(), target).await;
        let list = world.get(&format!("/{kind}")).after(last).ok().await;
        assert_eq!(list["items"][0]["likes"], json!(2), "{list}");
        let like = LikeId { reader: bob(), target };
        let last = world.run::<Like>(like, take_back(like)).await;
        let path = format!("/{kind}/{}", target.uuid());
        let page = world.get(&path).after(last).ok().await;
        assert_eq!((&page["likes"], &page["liked_by_me"]), (&json!(1), &json!(null)), "{page}");
        for (token, liked) in [(&adas, true), (&bobs, false)] {
            let page = world.get(&path).bearer(token).ok().await;
            assert_eq!(page["liked_by_me"], json!(liked), "{page}");
        }
    }
}

#[tokio::test]
async fn who_likes_something_is_listed_by_name_newest_first() {
    let world = World::start().await;
    world.register(ada(), "Ada").await;
    world.register(bob(), "Bob").await;
    world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    world.run::<Comment>(comment(1), post("Dorothea!")).await;
    let token = world.token(ada(), &[]);
    let names = |page: &serde_json::Value| -> Vec<serde_json::Value> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["display_name"].clone()).collect()
    };
    for (path, target) in [
        (format!("/books/{}/likes", middlemarch()), item(middlemarch())),
        (format!("/comments/{}/likes", comment(1)), Target::Comment(comment(1))),
    ] {
        likes(&world, ada(), target).await;
        let last = likes(&world, bob(), target).await;
        let all = world.get(&path).bearer(&token).after(last).ok().await;
        assert_eq!(names(&all), [json!("Bob"), json!("Ada")]);
        assert_eq!(all["items"][0]["account"], json!(bob()));
        let page = world.get(&format!("{path}?limit=1")).bearer(&token).ok().await;
        let cursor = page["next"].as_str().unwrap();
        let rest = world.get(&format!("{path}?limit=1&cursor={cursor}")).bearer(&token).ok().await;
        assert_eq!((names(&rest), &rest["next"]), (vec![json!("Ada")], &json!(null)));
        assert_eq!(world.get(&path).problem().await, (401, "token-required".to_owned()));
    }

    let erase = account::Command::Erase { account: bob(), at: at(1) };
    let erased = world.run::<Account>(bob(), erase).await;
    let path = format!("/books/{}/likes", middlemarch());
    let page = world.get(&path).bearer(&token).after(erased).ok().await;
    assert_eq!(names(&page), [json!(null), json!("Ada")]);
}

#[tokio::test]
async fn what_is_not_there_is_liked_by_nobody() {
    let world = World::start().await;
    world.run::<Comment>(comment(1), post("Dorothea!")).await;
    likes(&world, ada(), Target::Comment(comment(1))).await;
    let last = world.run::<Comment>(comment(1), delete(ada(), false)).await;
    let token = world.token(ada(), &[]);
    let likes_of = |kind: &str, id| world.get(&format!("/{kind}/{id}/likes")).bearer(&token);
    let deleted = likes_of("comments", comment(1).uuid()).after(last).problem().await;
    assert_eq!(deleted, (404, "comment-unknown".to_owned()));
    for (kind, code) in [("books", "item-unknown"), ("films", "not-found")] {
        assert_eq!(likes_of(kind, uuid(9)).problem().await, (404, code.to_owned()));
    }
}
