//! Letters that a model adds a sentence to, if it is there and has something to say.

use std::time::Duration;

use domain::notification::Message;
use domain::samples::rust_course;

use super::speaker::{Mood, Speaker, WORDS};
use crate::chat::ChatModel;
use crate::notification::{Words, closing};

async fn letter(mood: Mood, message: Message) -> (String, usize) {
    let speaker = Speaker::open(mood).await;
    let address = speaker.url.parse().expect("it is an address");
    let model = ChatModel::new(address, "parrot-1", Some(speaker.key()));
    let model = model.expect("it can be asked").with_silence_max(Duration::from_millis(300));
    let words = Words::new("You are enrolled: Reading slowly", "Dear Ada,\n\nyou have a seat.\n");
    let said = closing(&model, &message, "7", words.subject()).await;
    let text = words.closed(said.as_deref()).text().to_owned();
    let asked = speaker.asked();
    assert!(!asked.iter().any(|body| body.to_string().contains("Ada")), "nobody is named");
    (text, asked.len())
}

#[tokio::test]
async fn good_news_end_with_a_sentence_of_the_model() {
    let enrolled = Message::Enrolled { course: rust_course() };
    let (text, _) = letter(Mood::Speaks, enrolled).await;
    assert_eq!(text, format!("Dear Ada,\n\nyou have a seat.\n\n{}\n", WORDS.concat()));
}

#[tokio::test]
async fn a_model_that_fails_leaves_the_letter_as_it_is() {
    for mood in [Mood::BreaksOff, Mood::Fails(500), Mood::Nothing, Mood::Babbles, Mood::Hangs] {
        let (text, asked) = letter(mood, Message::Enrolled { course: rust_course() }).await;
        assert_eq!((&*text, asked), ("Dear Ada,\n\nyou have a seat.\n", 1), "{mood:?}");
    }
}

#[tokio::test]
async fn a_model_that_hangs_is_soon_left_alone() {
    let speaker = Speaker::open(Mood::Hangs).await;
    let address = speaker.url.parse().expect("it is an address");
    let model = ChatModel::new(address, "parrot-1", Some(speaker.key()));
    let model = model.expect("it can be asked").with_silence_max(Duration::from_millis(100));
    for _ in 0..7 {
        let enrolled = Message::Enrolled { course: rust_course() };
        assert_eq!(closing(&model, &enrolled, "7", "You are enrolled").await, None);
    }
    assert_eq!(speaker.asked().len(), 5, "the fifth failure opens the breaker");
}

#[tokio::test]
async fn what_is_no_good_news_is_not_told_to_a_model() {
    let low = Message::StockRanLow { product: domain::samples::lantern() };
    assert_eq!(letter(Mood::Speaks, low).await, ("Dear Ada,\n\nyou have a seat.\n".to_owned(), 0));
}
