//! Conversations with the assistant, which answers what is asked after it first started.

use chrono::{DateTime, TimeDelta, Utc};
use command_api::conversation::{ask, rate_answer};
use domain::{AccountId, AnswerId, ConversationId, conversation::About};
use eventstore::{Context, Log};

use super::{catalogue::Catalogue, changes::done, known::Known};
use crate::cli::import::source::Source;

/// Of the shop without a course; with what is asked next in the same conversation, and whether the
/// answer to that helped.
const QUESTIONS: [(Option<&str>, &str, &str, bool); 3] = [
    (
        Some("double-entry"),
        "Why is the daybook called the book of original entry?",
        "And what is not written in it?",
        true,
    ),
    (
        Some("pamphlet-binding"),
        "How do I find the grain of a sheet of paper?",
        "What if the booklet does not lie flat?",
        true,
    ),
    (None, "What do I need to sew a booklet?", "Is there something to write in every day?", false),
];

pub struct Asked {
    answers: Vec<(AccountId, AnswerId, bool)>,
}

fn context(source: &Source, key: &str, at: DateTime<Utc>) -> Context {
    Context::system(&source.caller(), key.to_owned(), at).with("source", "import")
}

/// Those who take a course ask about it, `member` about the shop.
pub async fn pose(
    log: &Log,
    (source, catalogue): (&Source, &Catalogue),
    known: &Known,
    member: AccountId,
) -> anyhow::Result<Asked> {
    let mut asked = Asked { answers: Vec::new() };
    for (number, (course, first, then, helpful)) in QUESTIONS.into_iter().enumerate() {
        let (asker, about) = match course {
            None => (member, About::Shop),
            Some(key) => {
                let course = catalogue.course(key)?.id;
                let student = known.items.get(&course.into()).and_then(|those| those.first());
                let Some(student) = student else { continue };
                (student.reader, About::Course { course })
            }
        };
        let at = known.now - TimeDelta::minutes(50 - 10 * number as i64);
        let opening = context(source, &format!("question:{number}"), at);
        let Ok((receipt, _)) = ask(log, &opening, asker, about, first.parse()?, None).await else {
            continue;
        };
        let conversation: ConversationId = receipt.stream.aggregate_id.parse()?;
        let next = context(source, &format!("question:{number}:then"), at + TimeDelta::minutes(3));
        let next = ask(log, &next, asker, about, then.parse()?, Some(conversation)).await;
        if let Ok((_, answer)) = next {
            asked.answers.push((asker, answer, helpful));
        }
    }
    Ok(asked)
}

impl Asked {
    /// Once the answers are there.
    pub async fn rate(&self, log: &Log, source: &Source, now: DateTime<Utc>) -> anyhow::Result<()> {
        for (number, (asker, answer, helpful)) in self.answers.iter().enumerate() {
            let context = context(source, &format!("answer:{number}"), now);
            done(rate_answer(log, &context, *asker, *answer, *helpful).await)?;
        }
        Ok(())
    }
}
