use domain::conversation::samples::{answer, asked, conversation, given, rated};
use domain::conversation::{Conversation, Event};
use domain::samples::ada;
use serde_json::{Value, json};

use super::{History, rows};
use crate::conversation::Conversations;

fn of(events: impl IntoIterator<Item = Event>) -> History {
    History::default().with::<Conversation>(conversation(), events)
}

#[tokio::test]
async fn a_conversation_has_its_questions_in_order_and_what_became_of_each() {
    let history = of([asked(1), given(1), asked(2), rated(1, true)]);
    let tables = rows(&Conversations, &history).await;
    let talk = &tables["conversations"][0];
    assert_eq!((&talk["asker"], &talk["questions"]), (&json!(ada()), &json!(2)));
    assert_eq!((&talk["sequence"], &talk["position"]), (&json!(4), &json!(1)));
    assert_eq!(talk["about"]["kind"], "course");

    let answers = &tables["answers"];
    let of = |number| answers.iter().find(|row| row["answer"] == json!(answer(number))).unwrap();
    let (first, second) = (of(1), of(2));
    assert_eq!((&first["position"], &second["position"]), (&json!(1), &json!(3)));
    assert_eq!((&first["provider"], &first["helpful"]), (&json!("extractive"), &json!(true)));
    assert_eq!(first["fallback_reason"], "broke-off");
    let cited = &first["citations"]["personal"]["value"];
    assert_eq!(cited[0]["quote"], "Each value has one owner.");
    for field in ["text", "citations", "provider", "answered_at", "helpful"] {
        assert_eq!(second[field], Value::Null, "{field}");
    }
}

#[tokio::test]
async fn a_rating_that_is_given_again_replaces_the_first() {
    let history = of([asked(1), given(1), rated(1, true), rated(1, false)]);
    assert_eq!(rows(&Conversations, &history).await["answers"][0]["helpful"], json!(false));
}
