//! The words of an answer: quotations, or what a model says.

use std::time::Duration;

use domain::Reference;
use domain::conversation::{About, CITATIONS_MAX, Citation, FallbackReason, Provider, Reply};
use tokio::time::sleep;

use super::draft::Draft;
use super::source::Source;
use crate::chat::{ChatModel, Message};
use crate::failure::Failure;
use crate::outgoing::CallError;

/// Of one question; a model that has begun to speak is not asked again.
const ATTEMPTS_MAX: u32 = 3;
const PAUSE_FIRST: Duration = Duration::from_millis(200);

/// An answer about to be recorded.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) text: Reply,
    pub(super) citations: Vec<Citation>,
    pub(super) provider: Provider,
    pub(super) model: Option<Reference>,
    pub(super) fallback_reason: Option<FallbackReason>,
}

impl Given {
    /// Word for word, each with its number.
    pub(super) fn quoting(
        about: About,
        sources: Vec<Source>,
        fallback_reason: Option<FallbackReason>,
    ) -> Result<Self, Failure> {
        let quotes = (1..).zip(&sources).map(|(number, it)| format!("{}\n[{number}]", it.shown()));
        let quotes: Vec<String> = quotes.collect();
        let text = match (&quotes[..], about) {
            ([], About::Course { .. }) => "Nothing in this course answers that.",
            ([], About::Shop) => "Nothing in the shop fits that.",
            (quotes, _) => &quotes.join("\n\n"),
        };
        let text = text.parse().map_err(Failure::lasting)?;
        let citations = citations(sources);
        Ok(Self { text, citations, provider: Provider::Extractive, model: None, fallback_reason })
    }

    pub(super) fn by_model(
        model: &ChatModel,
        text: Reply,
        sources: Vec<Source>,
    ) -> Result<Self, Failure> {
        let (provider, model) = (Provider::Model, Some(model.name().clone()));
        let citations = citations(sources);
        Ok(Self { text, citations, provider, model, fallback_reason: None })
    }
}

fn citations(sources: Vec<Source>) -> Vec<Citation> {
    sources.into_iter().map(|source| source.citation).take(CITATIONS_MAX).collect()
}

/// What a model says, shown while it speaks; or why it is of no use.
pub(super) async fn by_model(
    model: &ChatModel,
    key: &str,
    messages: Vec<Message>,
    draft: &Draft<'_>,
) -> Result<Result<Reply, FallbackReason>, Failure> {
    let mut pause = PAUSE_FIRST;
    for attempt in 1.. {
        let mut said = String::new();
        let error = match spoken(model, key, &messages, &mut said, draft).await? {
            Ok(()) => return Ok(said.parse().map_err(|_| FallbackReason::Unusable)),
            Err(error) => error,
        };
        tracing::warn!(answer.id = key, attempt, "the model did not answer {key}: {error}");
        if !said.is_empty() || attempt >= ATTEMPTS_MAX || !error.may_pass() {
            return Ok(Err(reason(&error, &said)));
        }
        sleep(pause).await;
        pause *= 2;
    }
    Ok(Err(FallbackReason::Failed))
}

/// Until it has said everything, or as much as an answer may have.
async fn spoken(
    model: &ChatModel,
    key: &str,
    messages: &[Message],
    said: &mut String,
    draft: &Draft<'_>,
) -> Result<Result<(), CallError>, Failure> {
    let mut saying = match model.ask(key, messages).await {
        Ok(saying) => saying,
        Err(error) => return Ok(Err(error)),
    };
    let mut left = Reply::CHARS_MAX;
    loop {
        let piece = match saying.next().await {
            Ok(Some(piece)) => piece,
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        };
        let sound = piece.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t'));
        let piece: String = sound.take(left).collect();
        left -= piece.chars().count();
        said.push_str(if said.is_empty() { piece.trim_start() } else { &piece });
        if left == 0 {
            saying.enough();
            return Ok(Ok(()));
        }
        draft.show(said).await?;
    }
}

fn reason(error: &CallError, said: &str) -> FallbackReason {
    match error {
        CallError::Open(_) => FallbackReason::NotCalled,
        CallError::Silent => FallbackReason::TimedOut,
        CallError::Failed(_) => FallbackReason::Failed,
        CallError::Request(_) | CallError::Unreachable(_) if said.is_empty() => {
            FallbackReason::Unreachable
        }
        CallError::Request(_) | CallError::Unreachable(_) | CallError::BrokeOff(_) => {
            FallbackReason::BrokeOff
        }
    }
}
