use axum::body::Body;
use domain::account::{self, Account};
use domain::conversation::samples::{
    about_course, answer, ask, conversation, question, rate, tell,
};
use domain::conversation::{Command, Conversation};
use domain::samples::{ada, at, bob, uuid};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::world::World;

/// Ada and Bob, and a question of Ada's with its answer.
async fn answered(world: &World) -> i64 {
    world.register(ada(), "Ada").await;
    world.register(bob(), "Bob").await;
    world.run::<Conversation>(conversation(), ask(1, ada(), about_course(), true)).await;
    world.run::<Conversation>(conversation(), tell(1)).await
}

/// A stream of an answer, to its end: names, ids and data of its events.
async fn stream(world: &World, token: &str, last: Option<&str>) -> Vec<(String, String, Value)> {
    let mut ask = world.get(&format!("/answers/{}", answer(1))).bearer(token);
    ask = ask.with("accept", "text/event-stream");
    if let Some(last) = last {
        ask = ask.with("last-event-id", last);
    }
    let response = ask.response().await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    heard(response.into_body()).await
}

async fn heard(body: Body) -> Vec<(String, String, Value)> {
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = std::str::from_utf8(&bytes).unwrap();
    let field = |event: &str, name: &str| {
        let line = event.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in {event}")).trim().to_owned()
    };
    let events = text.split("\n\n").filter(|event| !event.is_empty());
    events
        .map(|event| {
            let data = serde_json::from_str(&field(event, "data:")).unwrap();
            (field(event, "event:"), field(event, "id:"), data)
        })
        .collect()
}

fn words(events: &[(String, String, Value)]) -> String {
    let tokens = events.iter().filter(|event| event.0 == "token");
    tokens.map(|event| event.2["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn who_asked_reads_the_answer_with_what_it_cites() {
    let world = World::start().await;
    let last = answered(&world).await;
    let token = world.token(ada(), &[]);
    let path = format!("/answers/{}", answer(1));
    let whole = world.get(&path).bearer(&token).after(last).answer().await;
    let told = whole.body.clone();
    assert_eq!(
        (&told["state"], &told["question"]),
        (&json!("ANSWERED"), &json!("Who frees the memory?"))
    );
    assert_eq!(told["text"], "Each value has one owner.\n[1]");
    assert_eq!(told["citations"][0]["quote"], "Each value has one owner.");
    assert_eq!(told["citations"][0]["headings"], json!(["Who frees what"]));
    assert_eq!(told["citations"][1]["kind"], "product");
    assert_eq!(told["fallback_reason"], "broke-off");
    assert_eq!((&told["provider"], &told["helpful"]), (&json!("extractive"), &json!(null)));
    assert!(whole.header("etag").starts_with("\"2."), "{}", whole.header("etag"));

    let rated = world.run::<Conversation>(conversation(), rate(1, ada(), true)).await;
    let told = world.get(&path).bearer(&token).after(rated).ok().await;
    assert_eq!(told["helpful"], true);
}

#[tokio::test]
async fn conversations_are_listed_newest_first_and_read_oldest_first() {
    let world = World::start().await;
    answered(&world).await;
    let second = ask(2, ada(), about_course(), true);
    world.run::<Conversation>(conversation(), second).await;
    let other = uuid(0xc0_4009);
    let another = Command::Ask {
        conversation: other.into(),
        answer: answer(9),
        asker: ada(),
        about: domain::conversation::About::Shop,
        question: question(ada(), "Is there a lantern?"),
        continues: false,
        admitted: true,
        at: at(3),
    };
    let last = world.run::<Conversation>(other, another).await;
    let token = world.token(ada(), &[]);

    let mine = world.get("/conversations?limit=1").bearer(&token).after(last).ok().await;
    assert_eq!(mine["items"][0]["first_question"], "Is there a lantern?");
    assert_eq!(mine["items"][0]["about"], json!({ "kind": "shop" }));
    let cursor = mine["next"].as_str().unwrap();
    let rest = world.get(&format!("/conversations?limit=1&cursor={cursor}")).bearer(&token);
    let rest = rest.ok().await;
    assert_eq!((&rest["items"][0]["questions"], &rest["next"]), (&json!(2), &json!(null)));

    let path = format!("/conversations/{}", conversation());
    let page = world.get(&format!("{path}?limit=1")).bearer(&token).ok().await;
    assert_eq!(page["items"][0]["state"], "ANSWERED");
    let cursor = page["next"].as_str().unwrap();
    let page = world.get(&format!("{path}?limit=1&cursor={cursor}")).bearer(&token).ok().await;
    assert_eq!(page["items"][0]["state"], "WAITING");
    assert_eq!(page["items"][0]["text"], json!(null));
}

#[tokio::test]
async fn nobody_else_learns_that_it_is_there() {
    let world = World::start().await;
    let last = answered(&world).await;
    let token = world.token(bob(), &[]);
    let mine = world.get("/conversations").bearer(&token).after(last).ok().await;
    assert_eq!(mine["items"], json!([]));
    let talk = world.get(&format!("/conversations/{}", conversation())).bearer(&token);
    assert_eq!(talk.problem().await, (404, "conversation-unknown".to_owned()));
    let path = format!("/answers/{}", answer(1));
    for accept in ["application/json", "text/event-stream"] {
        let ask = world.get(&path).bearer(&token).with("accept", accept);
        assert_eq!(ask.problem().await, (404, "answer-unknown".to_owned()));
        let nobody = world.get(&path).with("accept", accept);
        assert_eq!(nobody.problem().await.0, 401);
    }
}

#[tokio::test]
async fn a_stream_tells_the_stored_answer_and_goes_on_where_it_was_left() {
    let world = World::start().await;
    let last = answered(&world).await;
    let token = world.token(ada(), &[]);
    world.get("/conversations").bearer(&token).after(last).ok().await;

    let whole = stream(&world, &token, None).await;
    assert_eq!(words(&whole), "Each value has one owner.\n[1]");
    let names: Vec<&str> = whole.iter().map(|event| &*event.0).collect();
    assert_eq!(names[names.len() - 4..], ["token", "citation", "citation", "done"]);
    let (_, _, done) = whole.last().unwrap();
    assert_eq!(done["fallback_reason"], "broke-off");

    // Whoever comes back with any id hears exactly the rest.
    for (index, (_, id, _)) in whole.iter().enumerate().take(whole.len() - 1) {
        let rest = stream(&world, &token, Some(id)).await;
        assert_eq!(rest, whole[index + 1..], "after {id}");
    }
    let end = world.get(&format!("/answers/{}", answer(1))).bearer(&token);
    let end =
        end.with("accept", "text/event-stream").with("last-event-id", &whole.last().unwrap().1);
    assert_eq!(end.response().await.status(), 204);

    // Somebody who heard another text hears that it does not stand.
    let other = stream(&world, &token, Some("4.0.0.00000000")).await;
    assert_eq!((&*other[0].0, &other[0].2["code"]), ("error", &json!("superseded")));
    assert_eq!(words(&other), "Each value has one owner.\n[1]");
    let wrong = world.get(&format!("/answers/{}", answer(1))).bearer(&token);
    let wrong = wrong.with("accept", "text/event-stream").with("last-event-id", "here");
    assert_eq!(wrong.problem().await, (400, "bad-header".to_owned()));
}

#[tokio::test]
async fn what_an_erased_person_asked_and_was_told_cannot_be_read_and_never_stood_in_the_read_model()
{
    let world = World::start().await;
    answered(&world).await;
    let read = "select exists (select from readmodel.answers where answered_at is not null)";
    world.until(read).await;
    let rows: Vec<String> = sqlx::query_scalar(
        "select to_jsonb(a)::text from readmodel.answers a
         union all select to_jsonb(c)::text from readmodel.conversations c",
    )
    .fetch_all(world.log.pool())
    .await
    .unwrap();
    let rows = rows.join("\n");
    assert!(
        rows.contains("sealed") && !rows.contains("memory") && !rows.contains("owner"),
        "{rows}"
    );

    let erase = account::Command::Erase { account: ada(), at: at(1) };
    let erased = world.run::<Account>(ada(), erase).await;
    let token = world.token(ada(), &[]);
    let told = world.get(&format!("/answers/{}", answer(1))).bearer(&token).after(erased);
    let answer = told.answer().await;
    assert!(!answer.body.to_string().contains("owner"), "{}", answer.body);
    // Not because the session has ended: nobody can open it any more.
    let texts: Vec<serde_json::Value> =
        sqlx::query_scalar("select text from readmodel.answers where text is not null")
            .fetch_all(world.log.pool())
            .await
            .unwrap();
    let mut opened = texts.clone();
    world.log.personal().open_values(&mut opened).await.unwrap();
    assert!(!texts.is_empty() && opened.iter().all(|value| value.get("erased").is_some()));
}
