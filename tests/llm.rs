//! The assistant and a real language model: `.ci/llm` starts a server of the chat API with one, and
//! says where it is. Nobody expects sense of so small a model; what it says is told as it is said.

use std::time::Instant;

use serde_json::{Value, json};

use crate::conversation::{Class, QUESTION, QUOTE, Stream, answered, place, words};
use crate::notification::post::Post;
use crate::system::{Answer, Client, Shop, WAIT_MAX};

/// What comes before `/chat/completions`.
const URL: &str = "DAYBOOK_TEST_LLM_URL";
const MODEL: &str = "smollm2-135m-instruct";

/// A Daybook whose questions the model answers, and to whose letters it may add. None, said aloud, where
/// there is none.
async fn assisted(name: &'static str, writes_letters: &'static str) -> Option<Post> {
    let Ok(url) = std::env::var(URL) else {
        eprintln!("SKIPPED what needs a language model: {URL} is not set, see .ci/llm");
        return None;
    };
    let open = move || {
        let settings = [
            ("DAYBOOK_ASSISTANT_URL", &*url),
            ("DAYBOOK_ASSISTANT_MODEL", MODEL),
            ("DAYBOOK_ASSISTANT_WRITES_LETTERS", writes_letters),
        ];
        Post::open(name, &settings)
    };
    tokio::task::spawn_blocking(open).await.unwrap()
}

/// The answer is the model's, and says so.
fn is_the_models(told: &Value) {
    assert_eq!((&told["provider"], &told["model"]), (&json!("model"), &json!(MODEL)), "{told}");
    assert_eq!(told["fallback_reason"], Value::Null, "{told}");
}

async fn heard(who: &Client, asked: &Answer) -> (usize, String) {
    let receipt = asked.clone().accepted();
    let heard = Stream::open(who.get(place(asked)).after(&receipt)).await.rest().await;
    is_the_models(&heard.last().unwrap().data);
    let tokens = heard.iter().filter(|heard| heard.event == "token").count();
    (tokens, words(&heard))
}

#[tokio::test]
async fn a_question_about_a_course_is_answered_word_by_word_with_the_lessons_it_rests_on() {
    let Some(post) = assisted("llm-course", "false").await else { return };
    let class = Class::of(post.system().await).await;
    let asked = class.asks(&class.ada, QUESTION).await;
    let (tokens, words) = heard(&class.ada, &asked).await;
    assert!(tokens > 1, "it is heard while it is said, not at once: {words}");
    let told = answered(&class.ada, &asked).await;
    is_the_models(&told.body);
    assert_eq!(told["text"], words, "{told}");
    assert_eq!(told["citations"][0]["quote"], QUOTE, "{told}");

    // It knows what was said before.
    let more = json!({ "question": "And why is that?", "conversation": told["conversation"] });
    let path = format!("courses/{}/questions", class.school.course);
    let asked = class.ada.post(path, more).await;
    let told = answered(&class.ada, &asked).await;
    is_the_models(&told.body);
    assert_eq!(told["citations"][0]["quote"], QUOTE, "{told}");
}

#[tokio::test]
async fn a_question_to_the_shop_is_answered_with_the_products_it_rests_on() {
    let Some(post) = assisted("llm-shop", "false").await else { return };
    let shop = Shop::of(post.system().await, 1).await;
    let ada = shop.system.ada().await;
    let product = json!({
        "sku": "GLOBE-1", "name": "Garden globe", "description": "Glows in the dark.",
        "price": { "minor": 1999, "currency": "GBP" }, "category": "garden",
    });
    let product = shop.mercy.post("products", product).await.accepted().id();
    let question = json!({ "question": "Do you have a garden globe under £25?" });
    let asked = ada.post("assistant/questions", question).await;
    let (_, words) = heard(&ada, &asked).await;
    let told = answered(&ada, &asked).await;
    assert_eq!(told["text"], words, "{told}");
    assert_eq!(told["citations"][0]["product"], json!(product), "{told}");
}

/// Some servers leave an answer for the next question; that is not taken for its end.
#[tokio::test]
async fn of_many_who_ask_at_once_everybody_hears_a_whole_answer() {
    let Some(post) = assisted("llm-many", "false").await else { return };
    let class = Class::of(post.system().await).await;
    let mut asked = Vec::new();
    for _ in 0..4 {
        asked.push(class.asks(&class.ada, QUESTION).await);
    }
    for asked in &asked {
        let told = answered(&class.ada, asked).await;
        match told["provider"].as_str() {
            Some("model") => is_the_models(&told.body),
            _ => assert_eq!(told["text"], format!("{QUOTE}\n[1]"), "{told}"),
        }
    }
}

#[tokio::test]
async fn a_letter_with_good_news_ends_with_a_sentence_of_the_models() {
    let Some(post) = assisted("llm-letters", "true").await else { return };
    let system = post.system().await;
    let begun = Instant::now();
    // At times it has nothing to say but the subject, or much too much; the letter goes out without.
    for number in 1.. {
        let ada = system.member(&format!("Ada {number}")).await;
        let letters = post.letters(&ada.login.email, 1).await;
        let text = letters[0]["text"].as_str().unwrap();
        assert!(text.contains(&format!("Dear Ada {number},")), "{text}");
        let last = text.trim_end().lines().last().unwrap();
        if !include_str!("../processes/templates/en/welcome.txt").contains(last) {
            break;
        }
        assert!(begun.elapsed() < WAIT_MAX, "it has nothing to say: {text}");
    }
}
