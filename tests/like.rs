use futures::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Answer, Ask, Client, System};

async fn emma(system: &System) -> Uuid {
    system.add_book(json!({ "title": "Emma", "authors": ["Jane Austen"] })).await
}

fn like(who: &Client, path: &str) -> Ask {
    who.put(format!("{path}/like"), json!({}))
}

fn unlike(who: &Client, path: &str) -> Ask {
    who.delete(format!("{path}/like"))
}

fn names(page: &Answer) -> Vec<&Value> {
    page["items"].as_array().unwrap().iter().map(|item| &item["display_name"]).collect()
}

#[tokio::test]
async fn a_like_counts_once_until_it_is_taken_back() {
    let system = System::start().await;
    let book = format!("books/{}", emma(&system).await);
    let (ada, bob) = (system.ada().await, system.bob().await);

    like(&ada, &book).await.accepted();
    assert_eq!(like(&ada, &book).await.accepted().body["unchanged"], true);
    let last = like(&bob, &book).await.accepted();
    let page = ada.get(&book).after(&last).await;
    assert_eq!((&page["likes"], &page["liked_by_me"]), (&json!(2), &json!(true)), "{page}");
    assert_eq!(system.get(&book).await["liked_by_me"], Value::Null);

    let last = unlike(&ada, &book).await.accepted();
    let page = ada.get(&book).after(&last).await;
    assert_eq!((&page["likes"], &page["liked_by_me"]), (&json!(1), &json!(false)), "{page}");
    assert_eq!(unlike(&ada, &book).await.accepted().body["unchanged"], true);
}

#[tokio::test]
async fn who_likes_something_is_known_to_members() {
    let system = System::start().await;
    let book = format!("books/{}", emma(&system).await);
    let (ada, bob) = (system.ada().await, system.bob().await);
    like(&ada, &book).await.accepted();
    let last = like(&bob, &book).await.accepted();

    let page = ada.get(format!("{book}/likes")).after(&last).await;
    assert_eq!(names(&page), ["Bob", "Ada"], "newest first: {page}");
    system.get(format!("{book}/likes")).await.refused(401, "token-required");

    let erased = bob.delete("accounts/me").await.accepted();
    let page = ada.get(format!("{book}/likes")).after(erased).await;
    assert_eq!(names(&page), [&Value::Null, &json!("Ada")], "{page}");
}

#[tokio::test]
async fn comments_are_liked_like_items() {
    let system = System::start().await;
    let book = format!("books/{}", emma(&system).await);
    let (ada, bob) = (system.ada().await, system.bob().await);
    let said = ada.post(format!("{book}/comments"), json!({ "text": "Badly done!" })).await;
    let comment = format!("comments/{}", said.accepted().id());

    let liked = like(&bob, &comment).await.accepted();

    for (who, by_me) in [(&ada, false), (&bob, true)] {
        let page = who.get(format!("{book}/comments")).after(&liked).await;
        let seen = &page["items"][0];
        assert_eq!((&seen["likes"], &seen["liked_by_me"]), (&json!(1), &json!(by_me)), "{page}");
    }
    let page = ada.get(format!("{comment}/likes")).after(&liked).await;
    assert_eq!(names(&page), ["Bob"], "{page}");
    assert_eq!(system.get(&book).after(liked).await["likes"], 0, "the book is another matter");
}

#[tokio::test]
async fn what_is_not_there_cannot_be_liked() {
    let system = System::start().await;
    let ada = system.ada().await;
    let nothing = Uuid::now_v7();
    like(&ada, &format!("books/{nothing}")).await.refused(404, "item-unknown");
    like(&ada, &format!("comments/{nothing}")).await.refused(404, "comment-unknown");
    like(&ada, &format!("films/{nothing}")).await.refused(404, "not-found");
}

#[tokio::test]
async fn likes_that_race_end_as_the_log_does() {
    let system = System::start().await;
    let id = emma(&system).await;
    let book = format!("books/{id}");
    let (ada, auditor) = (system.ada().await, system.auditor().await);

    let asked = (0..50).map(|turn| {
        let ask = if turn % 2 == 0 { like(&ada, &book) } else { unlike(&ada, &book) };
        async move { ask.await.accepted() }
    });
    let answers = join_all(asked).await;

    let last = answers.iter().max_by_key(|receipt| receipt.position).unwrap();
    let stream = format!("audit/streams/like/{}:book:{id}?limit=200", ada.id);
    let history = auditor.get(stream).await.ok();
    let events = history["items"].as_array().unwrap();
    let types: Vec<&Value> = events.iter().map(|event| &event["event_type"]).collect();
    let in_turn = ["Liked", "Unliked"].into_iter().cycle().take(types.len());
    assert_eq!(types, in_turn.collect::<Vec<_>>(), "each changed something");
    let liked = types.len() % 2 == 1;
    let page = ada.get(&book).after(last).await;
    let expected = (json!(u8::from(liked)), json!(liked));
    assert_eq!((&page["likes"], &page["liked_by_me"]), (&expected.0, &expected.1), "{page}");
    let page = ada.get(format!("{book}/likes")).after(last).await;
    assert_eq!(names(&page).len(), usize::from(liked), "{page}");
}

#[tokio::test]
async fn nobodys_like_is_lost_among_many_at_once() {
    let system = System::start().await;
    let book = format!("books/{}", emma(&system).await);
    let readers = join_all((0..20).map(|_| system.member("Reader"))).await;
    let author = system.ada().await;
    let said = author.post(format!("{book}/comments"), json!({ "text": "Badly done!" })).await;
    let comment = format!("comments/{}", said.accepted().id());

    for target in [&book, &comment] {
        let likes = readers.iter().map(|reader| async { like(reader, target).await.accepted() });
        let receipts = join_all(likes).await;

        let last = receipts.iter().max_by_key(|receipt| receipt.position).unwrap();
        assert_eq!(system.get(target).after(last).await["likes"], 20);
        let first = author.get(format!("{target}/likes?limit=15")).after(last).await;
        let next = first["next"].as_str().unwrap();
        let rest = author.get(format!("{target}/likes?limit=15&cursor={next}")).await;
        assert_eq!((names(&first).len(), names(&rest).len()), (15, 5));
    }
}

#[tokio::test]
async fn nobody_likes_a_comment_after_it_was_deleted() {
    let system = System::start().await;
    let book = format!("books/{}", emma(&system).await);
    let author = system.ada().await;
    let readers = join_all((0..10).map(|_| system.member("Reader"))).await;
    let said = author.post(format!("{book}/comments"), json!({ "text": "Badly done!" })).await;
    let comment = format!("comments/{}", said.accepted().id());

    let likes = join_all(readers.iter().map(|reader| async { like(reader, &comment).await }));
    let (deleted, likes) = tokio::join!(async { author.delete(&comment).await }, likes);

    let deleted = deleted.accepted().position;
    for answer in likes {
        match answer.status.is_success() {
            true => assert!(answer.accepted().position < deleted),
            false => drop(answer.refused(404, "comment-unknown")),
        }
    }
}
