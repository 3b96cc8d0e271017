use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Answer, Ask, Client, Listening, School, Shop, System, eventually};

async fn middlemarch(system: &System) -> Uuid {
    system.add_book(json!({ "title": "Middlemarch", "authors": ["George Eliot"] })).await
}

fn comment(who: &Client, item: &str, text: &str) -> Ask {
    who.post(format!("{item}/comments"), json!({ "text": text }))
}

fn texts(page: &Answer) -> Vec<&Value> {
    page["items"].as_array().unwrap().iter().map(|item| &item["text"]).collect()
}

#[tokio::test]
async fn what_readers_say_is_read_by_everybody_newest_first() {
    let system = System::start().await;
    let book = format!("books/{}", middlemarch(&system).await);
    let (ada, bob) = (system.ada().await, system.bob().await);

    let first = comment(&ada, &book, "Dorothea!").await;
    let place = first.header("location").to_owned();
    assert_eq!(first.status.as_u16(), 201, "{first}");
    let last = comment(&bob, &book, "Casaubon…").await.accepted();

    let page = system.get(format!("{book}/comments")).after(&last).await;
    assert_eq!(texts(&page), ["Casaubon…", "Dorothea!"], "{page}");
    assert_eq!(page["items"][0]["author_name"], "Bob", "{page}");
    assert_eq!(page["items"][1]["author"], ada.id.to_string(), "{page}");
    assert_eq!(system.get(place).after(last).await["text"], "Dorothea!");
}

#[tokio::test]
async fn courses_and_products_are_talked_about_too() {
    let (school, shop) = (School::teaching(1, None).await, Shop::with(1).await);
    let ada = school.system.ada().await;
    for item in [format!("courses/{}", school.course), format!("products/{}", shop.product)] {
        let said = comment(&ada, &item, "Worth it.").await.accepted();
        let page = school.system.get(format!("{item}/comments")).after(said).await;
        assert_eq!(texts(&page), ["Worth it."], "{page}");
    }
}

#[tokio::test]
async fn only_its_author_edits_a_comment_and_the_same_text_again_changes_nothing() {
    let system = System::start().await;
    let book = format!("books/{}", middlemarch(&system).await);
    let (ada, bob) = (system.ada().await, system.bob().await);
    let posted = comment(&ada, &book, "Dorothea!").await.accepted();
    let path = format!("comments/{}", posted.id());
    let edit = |who: &Client, text: &str| who.patch(&path, json!({ "text": text }));

    edit(&bob, "Casaubon!").await.refused(403, "not-the-author");
    edit(system.operator(), "Casaubon!").await.refused(403, "not-the-author");
    assert_eq!(edit(&ada, "Dorothea!").await.accepted().body["unchanged"], true);
    let edited = edit(&ada, "Poor Dorothea!").await.accepted();
    assert_eq!((edited.sequence, &edited.body["unchanged"]), (2, &Value::Null));
    let stale = edit(&ada, "Dear Dorothea!").header("if-match", "\"1\"").await;
    stale.refused(412, "precondition-failed");

    let seen = system.get(&path).after(edited).await;
    assert_eq!(seen["text"], "Poor Dorothea!", "{seen}");
    assert!(seen["edited_at"].is_string(), "{seen}");
}

#[tokio::test]
async fn its_author_or_an_operator_deletes_a_comment_and_it_stays_deleted() {
    let system = System::start().await;
    let book = format!("books/{}", middlemarch(&system).await);
    let (ada, bob) = (system.ada().await, system.bob().await);
    for who in [&ada, system.operator()] {
        let posted = comment(&ada, &book, "Dorothea!").await.accepted();
        let path = format!("comments/{}", posted.id());
        bob.delete(&path).await.refused(403, "not-the-author");

        let deleted = who.delete(&path).await.accepted();

        system.get(&path).after(&deleted).await.refused(404, "comment-unknown");
        let page = system.get(format!("{book}/comments")).after(&deleted).await;
        assert!(texts(&page).is_empty(), "{page}");
        assert_eq!(who.delete(&path).await.accepted().body["unchanged"], true);
        let edit = ada.patch(&path, json!({ "text": "Dorothea?" })).await;
        edit.refused(410, "comment-deleted");
        bob.put(format!("{path}/like"), json!({})).await.refused(404, "comment-unknown");
    }
}

#[tokio::test]
async fn a_comment_is_about_something_that_is_there_and_has_1_to_5000_characters() {
    let system = System::start().await;
    let book = format!("books/{}", middlemarch(&system).await);
    let ada = system.ada().await;

    let nothing = format!("books/{}", Uuid::now_v7());
    comment(&ada, &nothing, "Dorothea!").await.refused(404, "item-unknown");
    system.get(format!("{nothing}/comments")).await.refused(404, "item-unknown");
    for text in ["", " \n ", "a\u{0}b", &"é".repeat(5001)] {
        let problem = comment(&ada, &book, text).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], "/text", "{problem}");
    }
    let longest = "📖".repeat(5000);
    let said = comment(&ada, &book, &longest).await.accepted();
    let page = system.get(format!("{book}/comments")).after(said).await;
    assert_eq!(texts(&page), [&json!(longest)]);
}

#[tokio::test]
async fn what_an_erased_person_said_cannot_be_read_any_more() {
    let system = System::start().await;
    let book = format!("books/{}", middlemarch(&system).await);
    let (eve, bob) = (system.member("Evelina").await, system.bob().await);
    let auditor = system.auditor().await;
    let said = comment(&eve, &book, "Meet me at Lowick").await.accepted();
    let last = comment(&bob, &book, "Dorothea!").await.accepted();
    let page = system.get(format!("{book}/comments")).after(&last).await;
    assert_eq!(texts(&page), ["Dorothea!", "Meet me at Lowick"], "{page}");
    let stream = format!("audit/streams/comment/{}", said.id());
    let sealed = auditor.get(&stream).await.ok();
    assert!(!sealed.body.to_string().contains("Lowick"), "{sealed}");

    let erased = eve.delete("accounts/me").await.accepted();

    let ask = || system.get(format!("{book}/comments")).after(&erased);
    let page = eventually(ask, |page| page["items"][1]["text"].is_null()).await;
    assert_eq!(page["items"][1]["author_name"], Value::Null, "{page}");
    assert_eq!(page["items"][1]["id"], said.id().to_string(), "it stands, without words");
    assert_eq!(page["items"][0]["text"], "Dorothea!", "{page}");
    let revealed = auditor.get(format!("{stream}?reveal=complaint-18")).await.ok();
    assert!(!revealed.body.to_string().contains("Lowick"), "{revealed}");
    // Somebody must be able to clear it away.
    system.operator().delete(format!("comments/{}", said.id())).await.accepted();
}

#[tokio::test]
async fn whoever_has_the_page_open_hears_of_a_comment() {
    let system = System::start().await;
    let book = middlemarch(&system).await;
    let (ada, bob) = (system.ada().await, system.bob().await);
    let mut live = Listening::to(bob.get(format!("live?topics=comments:book:{book}"))).await;
    assert_eq!(live.next().await.event, "open");

    let said = comment(&ada, &format!("books/{book}"), "Dorothea!").await.accepted();

    let heard = live.next().await;
    assert_eq!((heard.id, heard.event.as_str()), (said.position, "comments"));
    assert_eq!(heard.data["type"], "CommentPosted");
    assert!(!heard.data.to_string().contains("Dorothea"), "{}", heard.data);
    assert_eq!(texts(&system.get(format!("books/{book}/comments")).await), ["Dorothea!"]);
}

#[tokio::test]
async fn of_edits_that_race_the_last_in_the_log_stands() {
    let system = System::start().await;
    let book = format!("books/{}", middlemarch(&system).await);
    let ada = system.ada().await;
    let posted = comment(&ada, &book, "0").await.accepted();
    let path = format!("comments/{}", posted.id());

    let edits = (1..=20).map(|number| {
        let edit = ada.patch(&path, json!({ "text": number.to_string() }));
        async move { (number, edit.await.accepted()) }
    });
    let edits = futures::future::join_all(edits).await;

    let (number, last) = edits.iter().max_by_key(|(_, edited)| edited.position).unwrap();
    assert_eq!(last.sequence, 21, "every edit is an event of its own");
    let seen = system.get(&path).after(last).await;
    assert_eq!(seen["text"], number.to_string(), "{seen}");
}
