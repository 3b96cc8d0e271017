//! The assistant: who takes part in a course asks, is answered from its lessons, and hears the answer
//! while it is given.

#[expect(dead_code, reason = "the tests of processes know more moods")]
#[path = "../processes/src/tests/speaker.rs"]
mod speaker;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Answer, Ask, Client, Program, School, Shop, System, WAIT_MAX, eventually};
use speaker::{Mood, Speaker, WORDS};

pub const QUOTE: &str = "Each value has *one* owner, which frees its memory.";
pub const QUESTION: &str = "Who frees the memory of a value?";

/// A course with a lesson that says something, and Ada, who takes it.
pub struct Class {
    pub school: School,
    lesson: Uuid,
    pub ada: Client,
}

impl Class {
    pub async fn of(system: System) -> Self {
        let school = School::of(system, 1, None).await;
        let text = format!("# Ownership\n\n{QUOTE}\n\n# Threads\n\nThreads run side by side.");
        let lesson = json!({ "title": "Memory", "text": text });
        let lessons = format!("courses/{}/lessons", school.course);
        let lesson = school.ines.post(lessons, lesson).await.accepted().id();
        let ada = school.system.ada().await;
        ada.put(school.enrollment(), json!({})).await.accepted();
        Self { school, lesson, ada }
    }

    async fn start() -> Self {
        Self::of(System::start().await).await
    }

    fn questions(&self) -> String {
        format!("courses/{}/questions", self.school.course)
    }

    /// Where the answer will be.
    pub async fn asks(&self, who: &Client, question: &str) -> Answer {
        let asked = who.post(self.questions(), json!({ "question": question })).await;
        assert_eq!(asked.status.as_u16(), 202, "{asked}");
        asked
    }
}

pub fn place(asked: &Answer) -> String {
    asked.header("location").trim_start_matches("/api/v1/").to_owned()
}

pub async fn answered(who: &Client, asked: &Answer) -> Answer {
    let receipt = asked.clone().accepted();
    let ask = || who.get(place(asked)).after(&receipt);
    eventually(ask, |answer| answer["state"] == "ANSWERED").await
}

/// An answer as it is being told.
pub struct Stream {
    response: reqwest::Response,
    text: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    id: String,
    pub event: String,
    pub data: Value,
}

impl Stream {
    pub async fn open(ask: Ask) -> Self {
        let response = ask.header("accept", "text/event-stream").open().await;
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// None at its end.
    async fn next(&mut self) -> Option<Heard> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
                };
                let Some(id) = field("id:") else { continue };
                return Some(Heard {
                    id: id.to_owned(),
                    event: field("event:").unwrap().to_owned(),
                    data: serde_json::from_str(field("data:").unwrap()).unwrap(),
                });
            }
            let chunk = tokio::time::timeout(WAIT_MAX, self.response.chunk()).await;
            let chunk = chunk.expect("the stream stays silent").unwrap()?;
            self.text += std::str::from_utf8(&chunk).unwrap();
        }
    }

    pub async fn rest(mut self) -> Vec<Heard> {
        let mut heard = Vec::new();
        while let Some(event) = self.next().await {
            heard.push(event);
        }
        heard
    }
}

pub fn words(heard: &[Heard]) -> String {
    let tokens = heard.iter().filter(|heard| heard.event == "token");
    tokens.map(|heard| heard.data["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn who_takes_a_course_is_answered_in_the_words_of_its_lessons() {
    let class = Class::start().await;
    let asked = class.asks(&class.ada, QUESTION).await;
    let told = answered(&class.ada, &asked).await;
    assert_eq!(told["text"], format!("{QUOTE}\n[1]"), "{told}");
    let cited = &told["citations"][0];
    assert_eq!((&cited["quote"], &cited["title"]), (&json!(QUOTE), &json!("Memory")), "{told}");
    assert_eq!(cited["lesson"], class.lesson.to_string(), "{told}");
    assert_eq!(cited["headings"], json!(["Ownership"]), "{told}");

    let asked = class.asks(&class.school.ines, "What is the capital of France?").await;
    let told = answered(&class.school.ines, &asked).await;
    assert_eq!(told["text"], "Nothing in this course answers that.", "{told}");
    assert_eq!(told["citations"], json!([]), "{told}");
}

#[tokio::test]
async fn the_same_question_under_the_same_key_is_asked_once() {
    let class = Class::start().await;
    let key = Uuid::now_v7();
    let ask = || {
        let ask = class.ada.post(class.questions(), json!({ "question": QUESTION }));
        ask.header("idempotency-key", key)
    };
    let (first, again) = (ask().await, ask().await);
    assert_eq!(again.header("idempotency-replayed"), "true", "{again}");
    assert_eq!((place(&again), &again.body["id"]), (place(&first), &first.body["id"]));
}

#[tokio::test]
async fn nobody_else_asks_about_a_course_and_nobody_sees_what_somebody_asked() {
    let class = Class::start().await;
    let bob = class.school.system.bob().await;
    let question = json!({ "question": QUESTION });
    let asked = bob.post(class.questions(), question.clone()).await;
    asked.refused(403, "not-a-participant");
    let nothing = format!("courses/{}/questions", Uuid::now_v7());
    bob.post(nothing, question.clone()).await.refused(404, "course-unknown");

    let asked = class.asks(&class.ada, QUESTION).await;
    let told = answered(&class.ada, &asked).await;
    let conversation = told["conversation"].as_str().unwrap();
    for other in [&bob, &class.school.ines, class.school.system.operator()] {
        other.get(place(&asked)).await.refused(404, "answer-unknown");
        let talk = other.get(format!("conversations/{conversation}")).await;
        talk.refused(404, "conversation-unknown");
        let rate = other.put(format!("{}/rating", place(&asked)), json!({ "helpful": true })).await;
        rate.refused(404, "answer-unknown");
    }
    let joined = json!({ "question": QUESTION, "conversation": conversation });
    let joins = class.school.ines.post(class.questions(), joined.clone()).await;
    joins.refused(404, "conversation-unknown");
    let elsewhere = class.ada.post("assistant/questions", joined.clone()).await;
    elsewhere.refused(409, "conversation-about-other");
    class.ada.post(class.questions(), joined.clone()).await.accepted();

    class.ada.delete(class.school.enrollment()).await.accepted();
    class.ada.post(class.questions(), joined).await.refused(403, "not-a-participant");
    assert_eq!(class.ada.get(place(&asked)).await["text"], told["text"], "what was told stays");
}

#[tokio::test]
async fn a_question_has_1_to_2000_characters() {
    let class = Class::start().await;
    for question in ["", " \n", "a\u{0}b", &"é".repeat(2_001)] {
        let asked = class.ada.post(class.questions(), json!({ "question": question })).await;
        let problem = asked.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], "/question", "{problem}");
    }
    class.asks(&class.ada, &"📖".repeat(2_000)).await;
}

#[tokio::test]
async fn an_answer_is_heard_while_it_is_given_and_the_same_ever_after() {
    let class = Class::start().await;
    let asked = class.asks(&class.ada, QUESTION).await;
    let receipt = asked.clone().accepted();
    let heard = Stream::open(class.ada.get(place(&asked)).after(&receipt)).await.rest().await;
    let names: Vec<&str> = heard.iter().map(|heard| &*heard.event).collect();
    assert_eq!(names[names.len() - 2..], ["citation", "done"], "{heard:?}");
    assert_eq!(words(&heard), format!("{QUOTE}\n[1]"));
    assert_eq!(heard[heard.len() - 2].data["citation"]["quote"], QUOTE);

    let again = Stream::open(class.ada.get(place(&asked))).await.rest().await;
    assert_eq!(again, heard, "what is stored is told, and nothing is made anew");
    let from_the_third = class.ada.get(place(&asked)).header("last-event-id", &heard[2].id);
    assert_eq!(Stream::open(from_the_third).await.rest().await, heard[3..]);
}

#[tokio::test]
async fn an_answer_is_rated_by_who_asked() {
    let class = Class::start().await;
    let asked = class.asks(&class.ada, QUESTION).await;
    answered(&class.ada, &asked).await;
    let rating = format!("{}/rating", place(&asked));
    let rate = |helpful: bool| class.ada.put(&rating, json!({ "helpful": helpful }));
    rate(true).await.accepted();
    assert_eq!(rate(true).await.accepted().body["unchanged"], true);
    let last = rate(false).await.accepted();
    assert_eq!(class.ada.get(place(&asked)).after(last).await["helpful"], false);
}

#[tokio::test]
async fn the_shop_is_asked_for_products_and_goes_on_with_the_conversation() {
    let shop = Shop::with(1).await;
    let ada = shop.system.ada().await;
    let word = format!("zorb{}", Uuid::now_v7().simple());
    let product = json!({
        "sku": word, "name": format!("Garden {word}"), "description": "Glows in the dark.",
        "price": { "minor": 1999, "currency": "GBP" }, "category": "garden",
    });
    let product = shop.mercy.post("products", product).await.accepted().id();
    let question = json!({ "question": format!("Do you have a {word} under £25?") });
    let asked = ada.post("assistant/questions", question).await;
    let told = answered(&ada, &asked).await;
    let cited = &told["citations"][0];
    assert_eq!((&cited["kind"], &cited["product"]), (&json!("product"), &json!(product)), "{told}");
    assert_eq!(told["text"], format!("Garden {word}, 19.99 GBP: Glows in the dark.\n[1]"));

    let conversation = &told["conversation"];
    let more = json!({ "question": "What is its colour?", "conversation": conversation });
    let asked = ada.post("assistant/questions", more).await;
    let told = answered(&ada, &asked).await;
    assert_eq!(told["citations"][0]["product"], json!(product), "it knows what `it` is: {told}");
    let path = format!("conversations/{}", conversation.as_str().unwrap());
    let page = ada.get(path).after(asked.accepted()).await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(2), "{page}");
    let mine = ada.get("conversations").await;
    assert_eq!(mine["items"][0]["questions"], 2, "{mine}");
}

#[tokio::test]
async fn a_model_that_dies_while_it_speaks_is_replaced_by_the_lesson_word_for_word() {
    let speaker = Speaker::open(Mood::Holds).await;
    let url = speaker.url.clone();
    let start = move || {
        let settings = [
            ("DAYBOOK_ASSISTANT_URL", &*url),
            ("DAYBOOK_ASSISTANT_MODEL", "parrot-1"),
            ("DAYBOOK_ASSISTANT_KEY", "a secret"),
        ];
        Program::up_with("assistant", &["--ephemeral"], &settings)
    };
    let mut program = tokio::task::spawn_blocking(start).await.unwrap();
    let class = Class::of(System::of(&program).await).await;

    // It speaks, and is heard word by word.
    let asked = class.asks(&class.ada, QUESTION).await;
    let receipt = asked.clone().accepted();
    let mut stream = Stream::open(class.ada.get(place(&asked)).after(&receipt)).await;
    let first = stream.next().await.unwrap();
    assert_eq!((&*first.event, &first.data["text"]), ("token", &json!(WORDS[0].trim_end())));
    assert_eq!(class.ada.get(place(&asked)).await["state"], "WAITING");
    speaker.becomes(Mood::Speaks);
    let rest = stream.rest().await;
    assert_eq!(words(&[std::slice::from_ref(&first), &rest[..]].concat()), WORDS.concat());
    let done = &rest.last().unwrap().data;
    assert_eq!((&done["provider"], &done["model"]), (&json!("model"), &json!("parrot-1")));
    // Whoever left after the first word hears the rest of what is stored.
    let back = class.ada.get(place(&asked)).header("last-event-id", &first.id);
    let back = Stream::open(back).await.rest().await;
    assert_eq!(first.data["text"].as_str().unwrap().to_owned() + &words(&back), WORDS.concat());
    assert_eq!(speaker.asked().len(), 1, "nothing is made anew");

    // It dies in the middle.
    speaker.becomes(Mood::Holds);
    let asked = class.asks(&class.ada, QUESTION).await;
    let receipt = asked.clone().accepted();
    let mut stream = Stream::open(class.ada.get(place(&asked)).after(&receipt)).await;
    assert_eq!(stream.next().await.unwrap().event, "token");
    speaker.becomes(Mood::BreaksOff);
    let mut rest = stream.rest().await;
    while rest[0].event == "token" {
        rest.remove(0);
    }
    assert_eq!((&*rest[0].event, &rest[0].data["code"]), ("error", &json!("superseded")));
    assert_eq!(words(&rest), format!("{QUOTE}\n[1]"));
    let told = class.ada.get(place(&asked)).await;
    assert_eq!(told["text"], format!("{QUOTE}\n[1]"), "{told}");
    assert_eq!(
        (&told["provider"], &told["fallback_reason"]),
        (&json!("extractive"), &json!("broke-off"))
    );
    program.child.kill().unwrap();
}

#[tokio::test]
async fn what_an_erased_person_asked_and_was_told_cannot_be_read_any_more() {
    let class = Class::start().await;
    let system = &class.school.system;
    let (eve, auditor) = (system.member("Evelina").await, system.auditor().await);
    eve.put(class.school.enrollment(), json!({})).await.accepted();
    let asked = class.asks(&eve, "Who frees the memory that I kept at Lowick?").await;
    let told = answered(&eve, &asked).await;
    let stream = format!("audit/streams/conversation/{}", told["conversation"].as_str().unwrap());
    let sealed = auditor.get(&stream).await.ok();
    for word in ["Lowick", "owner"] {
        assert!(!sealed.body.to_string().contains(word), "{sealed}");
    }
    let revealed = || auditor.get(format!("{stream}?reveal=complaint-19"));
    assert!(revealed().await.ok().body.to_string().contains("Lowick"));
    eve.delete("accounts/me").await.accepted();
    let is_gone = |page: &Answer| page.status == 200 && !page.body.to_string().contains("Lowick");
    eventually(revealed, is_gone).await;
}
