//! The assistant: answers questions about a course from its lessons, and about the shop from its
//! products.
//!
//! What fits the question is found first; the answer quotes it word for word, or is a model's words
//! about it. A model that fails, also in the middle of its answer, is replaced by quotations, and the
//! answer says so. An answer is one event; a crash before it begins the answer anew, one after it
//! does nothing. Questions of one conversation are answered in their order.

mod draft;
mod lessons;
mod products;
mod prompt;
mod ranking;
mod reply;
mod source;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cqrs_es::Aggregate;
use domain::conversation::{About, Command, Conversation, Event};
use domain::course::Course;
use domain::enrollment::{Enrollment, EnrollmentId};
use domain::{AccountId, AnswerId, ConversationId, Personal, Wish};
use eventstore::{ExecuteError, Log, RecordedEvent};
use retrieval::TextModel;
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::cause::Cause;
use crate::chat::ChatModel;
use crate::failure::{Failure, answer, in_time};
use crate::process::Process;
use draft::Draft;
use prompt::Turn;
use ranking::{Ranking, Strictness};
use reply::Given;
use source::Source;

/// How long an answer waits for the read model to show what was there when the question was asked.
const READ_MODEL_WAIT_MAX: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Questions whose sources are looked for at once: each holds all passages of its course.
const QUESTIONS_AT_ONCE: usize = 4;
/// An answer is recorded as it was given, and not given again because the log is busy.
const GIVE_ATTEMPTS_MAX: u32 = 5;
const GIVE_PAUSE: Duration = Duration::from_millis(200);

pub(crate) struct Assistant {
    meaning: TextModel,
    model: Option<Arc<ChatModel>>,
    turns: Semaphore,
}

/// What is to be answered.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Asked {
    conversation: ConversationId,
    answer: AnswerId,
    asker: AccountId,
    about: About,
}

impl Assistant {
    pub(crate) const fn new(meaning: TextModel, model: Option<Arc<ChatModel>>) -> Self {
        Self { meaning, model, turns: Semaphore::const_new(QUESTIONS_AT_ONCE) }
    }
}

#[async_trait]
impl Process for Assistant {
    fn name(&self) -> &'static str {
        "assistant"
    }

    fn reacts_to(&self, event: &RecordedEvent) -> bool {
        event.stream.aggregate_type == Conversation::TYPE && event.event_type == "QuestionAsked"
    }

    async fn react(&self, log: &Log, cause: &Cause) -> Result<(), Failure> {
        let asked: Asked = cause.event.decode()?;
        let draft = Draft::of(log, asked.answer, asked.asker);
        if log.load::<Conversation>(asked.conversation).await?.state.awaits(asked.answer) {
            // Who was erased meanwhile is not answered: nobody knows the question any more.
            if let Some((question, earlier)) = heard(log, asked).await? {
                let given = match is_admitted(log, asked).await? {
                    true => self.reply(log, cause, asked, &question, &earlier, &draft).await?,
                    false => Given::nothing()?,
                };
                give(log, cause, asked, given).await?;
            }
        }
        draft.forget().await
    }
}

impl Assistant {
    async fn reply(
        &self,
        log: &Log,
        cause: &Cause,
        asked: Asked,
        question: &str,
        earlier: &[Turn],
        draft: &Draft<'_>,
    ) -> Result<Given, Failure> {
        until_shown(log, asked.about, cause.event.position).await?;
        let sources = self.sources(log, asked.about, question, earlier).await?;
        match &self.model {
            Some(model) if !sources.is_empty() => {
                let messages = prompt::messages(asked.about, &sources, earlier, question);
                let key = asked.answer.to_string();
                match reply::by_model(model, &key, messages, draft).await {
                    Ok(text) => Given::by_model(model, text, sources),
                    Err(reason) => Given::quoting(asked.about, sources, Some(reason)),
                }
            }
            _ => Given::quoting(asked.about, sources, None),
        }
    }

    /// What fits the question, or what it goes on from. A model, which is told what was said, is also
    /// given the sources of before when nothing fits a question that seems to stand alone.
    async fn sources(
        &self,
        log: &Log,
        about: About,
        question: &str,
        earlier: &[Turn],
    ) -> Result<Vec<Source>, Failure> {
        let _turn = self.turns.acquire().await.map_err(Failure::passing)?;
        let goes_on = self.model.is_some() || ranking::goes_on(question);
        let subject = subject(earlier).filter(|_| goes_on);
        let on_it = subject.map(|subject| (format!("{subject}\n{question}"), subject));
        let asked = [Some((question.to_owned(), question)), on_it];
        let of_course: Arc<[Source]> = match about {
            About::Course { course } => lessons::of(log, course).await?.into(),
            About::Shop => Arc::new([]),
        };
        let mut found = Vec::new();
        for (asked, subject) in asked.into_iter().flatten() {
            let (sources, strictness, meant) = match about {
                About::Course { .. } => (Arc::clone(&of_course), Strictness::Course, asked.clone()),
                About::Shop => {
                    let wished = wished(question, &asked);
                    let meant = wished.rest.join(" ");
                    let products = products::for_question(log, &self.meaning, &asked, &wished);
                    (products.await?.into(), Strictness::Shop, meant)
                }
            };
            let ranking = Ranking { log, meaning: &self.meaning, strictness };
            let wanted = ranking::Wanted { question: asked, subject: subject.to_owned(), meant };
            found = ranking.best(sources, wanted).await?;
            if !found.is_empty() {
                break;
            }
        }
        Ok(found)
    }
}

/// The last question that has a subject of its own; of those that have none, the first.
fn subject(earlier: &[Turn]) -> Option<&str> {
    let remembered = &earlier[earlier.len().saturating_sub(prompt::TURNS_MAX)..];
    let with_subject = remembered.iter().rev().find(|turn| !ranking::goes_on(&turn.question));
    with_subject.or(remembered.first()).map(|turn| turn.question.as_str())
}

/// Whoever has left the course meanwhile hears nothing more of it.
async fn is_admitted(log: &Log, asked: Asked) -> Result<bool, Failure> {
    let (student, About::Course { course }) = (asked.asker, asked.about) else { return Ok(true) };
    if log.load::<Course>(course).await?.state.instructor() == Some(student) {
        return Ok(true);
    }
    let enrollment = EnrollmentId { student, course };
    Ok(log.load::<Enrollment>(enrollment).await?.state.is_enrolled())
}

/// A price of the question counts before one of what it goes on from.
fn wished(question: &str, with_the_last: &str) -> Wish {
    let (own, all) = (Wish::of(question), Wish::of(with_the_last));
    match own.has_price() {
        true => {
            let Wish { price_min, price_max, currency, .. } = own;
            Wish { price_min, price_max, currency, ..all }
        }
        false => all,
    }
}

/// The question, and the answered ones before it; none once the asker has been erased. Answers may
/// stand behind it in the stream.
async fn heard(log: &Log, asked: Asked) -> Result<Option<(String, Vec<Turn>)>, Failure> {
    let mut turns: Vec<(AnswerId, Turn)> = Vec::new();
    for event in log.events_of::<Conversation>(&asked.conversation.to_string()).await? {
        match event {
            Event::QuestionAsked { answer, question, .. } => {
                let Some(question) = question.known() else { return Ok(None) };
                let question = question.as_str().to_owned();
                turns.push((answer, Turn { question, reply: String::new() }));
            }
            Event::AnswerGiven { answer, text, .. } => {
                let turn = turns.iter_mut().find(|(of, _)| *of == answer);
                if let (Some((_, turn)), Some(text)) = (turn, text.known()) {
                    text.as_str().clone_into(&mut turn.reply);
                }
            }
            Event::AnswerRated { .. } => {}
        }
    }
    let place = turns.iter().position(|(answer, _)| *answer == asked.answer);
    let place = place.ok_or_else(|| Failure::lasting("the question is not in its conversation"))?;
    let (_, Turn { question, .. }) = turns.swap_remove(place);
    turns.truncate(place);
    turns.retain(|(_, turn)| !turn.reply.is_empty());
    Ok(Some((question, turns.into_iter().map(|(_, turn)| turn).collect())))
}

/// Whoever changes a lesson and asks is answered from what it says now, unless the read model is long
/// behind. What is attached to a lesson is read later, and not waited for.
async fn until_shown(log: &Log, about: About, position: i64) -> Result<(), Failure> {
    let projection = match about {
        About::Course { .. } => "courses",
        About::Shop => "products",
    };
    let begun = Instant::now();
    while begun.elapsed() < READ_MODEL_WAIT_MAX {
        let shown = sqlx::query_scalar("select position from projections.live where name = $1")
            .bind(projection)
            .fetch_optional(log.pool());
        if in_time(shown).await?.is_some_and(|shown: i64| shown >= position) {
            break;
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

async fn give(log: &Log, cause: &Cause, asked: Asked, given: Given) -> Result<(), Failure> {
    let mut attempt = 1;
    loop {
        match record(log, cause, asked, given.clone()).await {
            Err(Failure::Passing(error)) if attempt < GIVE_ATTEMPTS_MAX => {
                let answer = asked.answer;
                tracing::warn!(answer.id = %answer, "answer {answer} is recorded later: {error}");
            }
            result => return result,
        }
        sleep(GIVE_PAUSE * attempt).await;
        attempt += 1;
    }
}

async fn record(log: &Log, cause: &Cause, asked: Asked, given: Given) -> Result<(), Failure> {
    let Asked { conversation, answer: id, asker, .. } = asked;
    let Given { text, citations, provider, model, fallback_reason } = given;
    let context = cause.context("answer");
    let command = Command::Answer {
        conversation,
        answer: id,
        text: Personal::new(asker, text),
        citations: Personal::new(asker, citations),
        provider,
        model,
        fallback_reason,
        at: context.now,
    };
    match log.execute::<Conversation>(conversation, command, &context).await {
        Err(ExecuteError::Erased) => Ok(()),
        result => answer(result)?.map(|_| ()).map_err(Failure::lasting),
    }
}
