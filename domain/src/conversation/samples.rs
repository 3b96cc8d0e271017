//! Conversations for tests.

use super::{About, Citation, Command, Event, FallbackReason, Provider, Question, Reply};
use crate::{
    AccountId, AnswerId, ConversationId, Personal,
    samples::{ada, at, lantern, lesson, pounds, rust_course, text, uuid},
};

pub fn conversation() -> ConversationId {
    uuid(0xc0_4000).into()
}

pub fn answer(number: u128) -> AnswerId {
    uuid(0xa_5000 + number).into()
}

pub fn about_course() -> About {
    About::Course { course: rust_course() }
}

pub fn question(asker: AccountId, words: &str) -> Personal<Question> {
    Personal::new(asker, text(words))
}

/// A first question if the number is 1.
pub fn ask(number: u128, asker: AccountId, about: About, admitted: bool) -> Command {
    Command::Ask {
        conversation: conversation(),
        answer: answer(number),
        asker,
        about,
        question: question(asker, "Who frees the memory?"),
        continues: number > 1,
        admitted,
        at: at(0),
    }
}

pub fn tell(number: u128) -> Command {
    let Event::AnswerGiven { conversation, answer, text, citations, provider, model, .. } =
        given(number)
    else {
        unreachable!("it is an answer")
    };
    let fallback_reason = Some(FallbackReason::BrokeOff);
    Command::Answer {
        conversation,
        answer,
        text,
        citations,
        provider,
        model,
        fallback_reason,
        at: at(1),
    }
}

pub fn rate(number: u128, by: AccountId, helpful: bool) -> Command {
    Command::Rate { conversation: conversation(), answer: answer(number), by, helpful, at: at(2) }
}

pub fn asked(number: u128) -> Event {
    asked_about(number, about_course())
}

pub fn asked_about(number: u128, about: About) -> Event {
    Event::QuestionAsked {
        conversation: conversation(),
        answer: answer(number),
        asker: ada(),
        about,
        question: question(ada(), "Who frees the memory?"),
        at: at(0),
    }
}

pub fn given(number: u128) -> Event {
    let lesson = Citation::Lesson {
        lesson: lesson(1),
        title: text("Ownership"),
        headings: vec![text("Who frees what")],
        file: None,
        quote: text("Each value has one owner."),
    };
    let product = Citation::Product {
        product: lantern(),
        name: text("Lantern"),
        price: pounds(1999),
        quote: Some(text("It is bright.")),
    };
    let reply: Reply = text("Each value has one owner.\n[1]");
    Event::AnswerGiven {
        conversation: conversation(),
        answer: answer(number),
        asker: ada(),
        about: about_course(),
        text: Personal::new(ada(), reply),
        citations: Personal::new(ada(), vec![lesson, product]),
        provider: Provider::Extractive,
        model: None,
        fallback_reason: Some(FallbackReason::BrokeOff),
        at: at(1),
    }
}

pub fn rated(number: u128, helpful: bool) -> Event {
    Event::AnswerRated {
        conversation: conversation(),
        answer: answer(number),
        asker: ada(),
        about: about_course(),
        helpful,
        at: at(2),
    }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    vec![asked(1), given(1), rated(1, true)]
}
