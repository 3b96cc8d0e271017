//! Questions and their answers: by quotations, by a model, and by quotations again when the model
//! fails.

use std::sync::Arc;
use std::time::Duration;

use domain::AnswerId;
use domain::account::{self, Account, samples::register};
use domain::conversation::samples::{answer, conversation, question};
use domain::conversation::{
    About, Citation, Command, Conversation, Event, FallbackReason, Provider,
};
use domain::product::{Details, Product, samples::add, samples::details};
use domain::samples::{ada, at, bob, lantern, lesson, pounds, product, rust_course, text};
use retrieval::TextModel;

use super::gate::Gate;
use super::speaker::{Mood, Speaker, WORDS};
use super::texts::MODEL;
use super::victim::Victim;
use super::{Running, Shop, program, running};
use crate::chat::ChatModel;
use crate::process::Providers;

const LESSON: &str = "# Ownership\n\nEach value has *one* owner, which frees its memory.\n\n\
                      # Threads\n\nThreads of a program run side by side.";
const QUOTE: &str = "Each value has *one* owner, which frees its memory.";

/// An answer that was given.
struct Told {
    text: String,
    citations: Vec<Citation>,
    provider: Provider,
    reason: Option<FallbackReason>,
}

impl Shop {
    async fn ask(&self, number: u128, about: About, words: &str) -> AnswerId {
        let command = Command::Ask {
            conversation: conversation(),
            answer: answer(number),
            asker: ada(),
            about,
            question: question(ada(), words),
            continues: number > 1,
            admitted: true,
            at: at(0),
        };
        self.execute::<Conversation>(conversation(), command).await;
        answer(number)
    }

    async fn told(&self, wanted: AnswerId) -> Option<Told> {
        let events = self.history::<Conversation>(conversation()).await.1;
        events.into_iter().find_map(|event| match event {
            Event::AnswerGiven {
                answer,
                text,
                citations,
                provider,
                fallback_reason: reason,
                ..
            } if answer == wanted => {
                let text = text.known()?.as_str().to_owned();
                Some(Told { text, citations: citations.known()?.clone(), provider, reason })
            }
            _ => None,
        })
    }

    async fn answered(&self, answer: AnswerId) -> Told {
        self.until("the question is answered", async || self.told(answer).await.is_some()).await;
        self.told(answer).await.expect("it was there")
    }

    /// A course, asked about.
    async fn taught() -> (Self, Running) {
        let shop = Self::open().await;
        let read_models = shop.read_models(&["courses", "products", "files"]).await;
        shop.draft(LESSON).await;
        (shop, read_models)
    }

    async fn drafts(&self) -> Vec<String> {
        let drafts = sqlx::query_scalar("select text::text from processes.drafts");
        drafts.fetch_all(self.log.pool()).await.expect("there is such a table")
    }
}

fn about_course() -> About {
    About::Course { course: rust_course() }
}

fn model_of(speaker: &Speaker) -> ChatModel {
    let address = speaker.url.parse().expect("it is an address");
    let model = ChatModel::new(address, "parrot-1", Some(speaker.key()));
    model.expect("it can be asked").with_silence_max(Duration::from_millis(300))
}

fn speaking(speaker: &Speaker) -> Providers {
    Providers { chat_model: Some(Arc::new(model_of(speaker))), ..Providers::default() }
}

fn quotes(told: &Told) -> Vec<String> {
    let quote = |citation: &Citation| match citation {
        Citation::Lesson { quote, .. } => quote.to_string(),
        Citation::Product { name, .. } => name.to_string(),
    };
    told.citations.iter().map(quote).collect()
}

#[tokio::test]
async fn an_answer_quotes_the_lesson_word_for_word_and_says_where_it_is_from() {
    let (shop, _read_models) = Shop::taught().await;
    let _program = running(&shop.log, Providers::default());

    let first = shop.ask(1, about_course(), "Who frees the memory of a value?").await;
    let told = shop.answered(first).await;
    assert_eq!(told.text, format!("{QUOTE}\n[1]"));
    assert_eq!((told.provider, told.reason), (Provider::Extractive, None));
    let [Citation::Lesson { lesson: cited, headings, quote, .. }] = &told.citations[..] else {
        panic!("{:?}", told.citations)
    };
    assert_eq!((*cited, quote.as_str()), (lesson(1), QUOTE));
    assert_eq!(headings.iter().map(ToString::to_string).collect::<Vec<_>>(), ["Ownership"]);

    let second = shop.ask(2, about_course(), "What is the capital of France?").await;
    let told = shop.answered(second).await;
    assert_eq!(told.text, "Nothing in this course answers that.");
    assert!(told.citations.is_empty());
}

#[tokio::test]
async fn a_question_that_goes_on_from_the_one_before_is_understood() {
    let (shop, _read_models) = Shop::taught().await;
    let _program = running(&shop.log, Providers::default());
    shop.ask(1, about_course(), "Tell me about threads").await;
    for (number, words) in [(2, "And why is that?"), (3, "And what else?"), (4, "Why?")] {
        let more = shop.ask(number, about_course(), words).await;
        let told = shop.answered(more).await;
        assert_eq!(quotes(&told), ["Threads of a program run side by side."], "{words}");
    }
}

#[tokio::test]
async fn who_has_left_the_course_before_the_answer_hears_nothing_more_of_it() {
    let (shop, _read_models) = Shop::taught().await;
    let student = bob();
    let command = Command::Ask {
        conversation: conversation(),
        answer: answer(1),
        asker: student,
        about: about_course(),
        question: question(student, "Who frees the memory of a value?"),
        continues: false,
        admitted: true,
        at: at(0),
    };
    shop.execute::<Conversation>(conversation(), command).await;
    let _program = running(&shop.log, Providers::default());
    let told = shop.answered(answer(1)).await;
    assert!(told.citations.is_empty() && !told.text.contains("owner"), "{}", told.text);
}

#[tokio::test]
async fn the_shop_is_asked_for_products_and_their_prices() {
    let shop = Shop::open().await;
    let _read_models = shop.read_models(&["courses", "products", "files"]).await;
    let details = Details {
        description: Some(text("Burns for eight hours.")),
        ..details("71053", "Lantern")
    };
    shop.execute::<Product>(lantern(), add(lantern(), details, pounds(1_999))).await;
    let _program = running(&shop.log, Providers::default());

    let first = shop.ask(1, About::Shop, "Do you have lanterns under £25?").await;
    let told = shop.answered(first).await;
    assert!(told.text.starts_with("Lantern, 19.99 GBP: Burns for eight hours."), "{}", told.text);
    assert_eq!(quotes(&told), ["Lantern"]);
    let second = shop.ask(2, About::Shop, "Any lantern under £10?").await;
    assert_eq!(shop.answered(second).await.text, "Nothing in the shop fits that.");
}

/// No product has one of the question's words.
#[tokio::test]
async fn the_shop_finds_what_is_asked_for_in_other_words_at_the_price_that_is_said() {
    let Some(model) = MODEL.clone() else { return };
    let shop = Shop::open().await;
    let _reading = shop.reading().await;
    for (number, name, description, pence) in [
        (1, "Thermos flask", "Coffee stays warm in it for twelve hours.", 1_500),
        (2, "Vacuum jug", "Coffee stays warm in it for a whole day.", 4_500),
        (3, "Rake", "Gathers leaves.", 900),
    ] {
        let sku = format!("SKU-{number}");
        let details = Details { description: Some(text(description)), ..details(&sku, name) };
        let id = product(number);
        shop.execute::<Product>(id, add(id, details, pounds(pence))).await;
    }
    shop.read_up().await;
    shop.keeper().round().await.expect("the database answers");
    let text_model = TextModel::of(model);
    let _program = running(&shop.log, Providers { text_model, ..Providers::default() });

    let first = shop.ask(1, About::Shop, "Something to keep my tea hot under 20 pounds").await;
    assert_eq!(quotes(&shop.answered(first).await), ["Thermos flask"]);
    let second = shop.ask(2, About::Shop, "Something to keep my tea hot").await;
    let mut both = quotes(&shop.answered(second).await);
    both.sort();
    assert_eq!(both, ["Thermos flask", "Vacuum jug"]);
    let third = shop.ask(3, About::Shop, "Something to keep my tea hot under 2 pounds").await;
    assert_eq!(shop.answered(third).await.text, "Nothing in the shop fits that.");
}

#[tokio::test]
async fn a_model_answers_from_the_passages_and_is_told_nothing_else() {
    let (shop, _read_models) = Shop::taught().await;
    let speaker = Speaker::open(Mood::Speaks).await;
    let _program = running(&shop.log, speaking(&speaker));

    let first = shop.ask(1, about_course(), "Who frees the memory of a value?").await;
    let told = shop.answered(first).await;
    assert_eq!((&*told.text, told.provider), (&*WORDS.concat(), Provider::Model));
    assert_eq!((told.reason, quotes(&told)), (None, vec![QUOTE.to_owned()]));
    let second = shop.ask(2, about_course(), "What do threads do?").await;
    shop.answered(second).await;

    let asked = speaker.asked();
    let told_of = asked[0]["messages"].to_string();
    assert!(told_of.contains("Each value has *one* owner") && told_of.contains("[1]"));
    assert!(!asked[0].to_string().contains(&ada().to_string()), "nobody says who asks");
    let history = asked[1]["messages"].to_string();
    assert!(history.contains("Who frees the memory") && history.contains("The owner frees"));
    assert!(shop.drafts().await.is_empty());
}

#[tokio::test]
async fn whatever_a_model_does_the_lesson_is_quoted_and_the_answer_says_why() {
    for (mood, reason, attempts) in [
        (Mood::BreaksOff, FallbackReason::BrokeOff, 1),
        (Mood::Ends, FallbackReason::BrokeOff, 1),
        (Mood::Leaves, FallbackReason::BrokeOff, 1),
        (Mood::Withholds, FallbackReason::BrokeOff, 1),
        (Mood::Babbles, FallbackReason::BrokeOff, 3),
        (Mood::Nothing, FallbackReason::Unusable, 1),
        (Mood::Fails(500), FallbackReason::Failed, 3),
        (Mood::Fails(429), FallbackReason::Failed, 3),
        (Mood::Fails(401), FallbackReason::Failed, 1),
        (Mood::Hangs, FallbackReason::TimedOut, 3),
    ] {
        let (shop, _read_models) = Shop::taught().await;
        let speaker = Speaker::open(mood).await;
        let _program = running(&shop.log, speaking(&speaker));
        let asked = shop.ask(1, about_course(), "Who frees the memory of a value?").await;
        let told = shop.answered(asked).await;
        assert_eq!(told.text, format!("{QUOTE}\n[1]"), "{mood:?}");
        assert_eq!((told.provider, told.reason), (Provider::Extractive, Some(reason)), "{mood:?}");
        assert_eq!(speaker.asked().len(), attempts, "{mood:?}");
    }
}

#[tokio::test]
async fn a_model_that_fails_too_often_is_left_alone_for_a_while() {
    let (shop, _read_models) = Shop::taught().await;
    let speaker = Speaker::open(Mood::Fails(503)).await;
    let _program = running(&shop.log, speaking(&speaker));
    for number in [1, 2] {
        let asked = shop.ask(number, about_course(), "Who frees the memory of a value?").await;
        shop.answered(asked).await;
    }
    assert_eq!(speaker.asked().len(), 5, "the fifth failure opens the breaker");
    let asked = shop.ask(3, about_course(), "Who frees the memory of a value?").await;
    let told = shop.answered(asked).await;
    assert_eq!(told.reason, Some(FallbackReason::NotCalled));
    assert_eq!((speaker.asked().len(), &*told.text), (5, &*format!("{QUOTE}\n[1]")));
}

#[tokio::test]
async fn what_a_model_has_said_so_far_is_sealed_and_gone_with_the_answer() {
    let (shop, _read_models) = Shop::taught().await;
    let speaker = Speaker::open(Mood::Holds).await;
    let killed = running(&shop.log, speaking(&speaker));
    let asked = shop.ask(1, about_course(), "Who frees the memory of a value?").await;
    let shown = async || shop.drafts().await.len() == 1;
    shop.until("somebody could watch it speak", shown).await;
    let draft = shop.drafts().await.concat();
    assert!(draft.contains("sealed") && !draft.contains("owner"), "{draft}");

    // Killed while the model speaks: the next program asks again.
    drop(killed);
    speaker.becomes(Mood::Speaks);
    let _program = running(&program(&shop.url).await, speaking(&speaker));
    assert_eq!(shop.answered(asked).await.text, WORDS.concat());
    let gone = async || shop.drafts().await.is_empty();
    shop.until("nothing is left of it", gone).await;
}

#[tokio::test]
async fn whenever_it_is_killed_a_question_is_answered_once() {
    let (shop, _read_models) = Shop::taught().await;
    let asked = shop.ask(1, about_course(), "Who frees the memory of a value?").await;
    let mut gate = Gate::close(&shop.url, "process:assistant").await;
    for goes_through in [false, true] {
        let victim = Victim::start(&shop.url);
        let waiting = gate.somebody_waits().await;
        drop(victim);
        match goes_through {
            false => gate.turn_back(waiting).await,
            true => gate.let_through(waiting).await,
        }
        assert_eq!(shop.told(asked).await.is_some(), goes_through);
    }
    gate.open().await;
    let head = shop.head().await;
    let _program = running(&program(&shop.url).await, Providers::default());
    let done = async || shop.checkpoint("assistant").await >= head;
    shop.until("the question is dealt with", done).await;
    let events = shop.history::<Conversation>(conversation()).await.1;
    assert_eq!(events.len(), 2, "{events:?}");
}

#[tokio::test]
async fn who_was_erased_before_the_answer_gets_none_and_nothing_is_parked() {
    let (shop, _read_models) = Shop::taught().await;
    shop.execute::<Account>(ada(), register(ada(), "ada@example.org")).await;
    shop.ask(1, about_course(), "Who frees the memory of a value?").await;
    let erase = account::Command::Erase { account: ada(), at: at(1) };
    shop.execute::<Account>(ada(), erase).await;
    let head = shop.head().await;
    let _program = running(&program(&shop.url).await, Providers::default());
    let done = async || shop.checkpoint("assistant").await >= head;
    shop.until("the question is dealt with", done).await;
    assert!(shop.told(answer(1)).await.is_none());
    let parked = crate::parked(shop.log.pool()).await;
    assert!(parked.expect("it can be asked").is_empty());
}
