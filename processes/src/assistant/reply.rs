//! The words of an answer: quotations, or what a model says.

use std::time::Duration;

use domain::Reference;
use domain::conversation::{About, CITATIONS_MAX, Citation, FallbackReason, Provider, Reply};
use tokio::time::sleep;

use super::draft::Draft;
use super::source::Source;
use crate::chat::{ChatModel, Message};
use crate::failure::Failure;
use crate::outgoing::{CallError, Patience};

/// Of one question; a model that has begun to speak is not asked again.
const ATTEMPTS_MAX: u32 = 3;
const PAUSE_FIRST: Duration = Duration::from_millis(200);
/// Some thousand characters.
const TOKENS_MAX: u32 = 800;

/// An answer about to be recorded.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) text: Reply,
    pub(super) citations: Vec<Citation>,
    pub(super) provider: Provider,
    pub(super) model: Option<Reference>,
    pub(super) fallback_reason: Option<FallbackReason>,
}

impl Given {
    /// Who asked may not hear it any more.
    pub(super) fn nothing() -> Result<Self, Failure> {
        let text = "This course answers those who take it.".parse().map_err(Failure::lasting)?;
        let (provider, model, fallback_reason) = (Provider::Extractive, None, None);
        Ok(Self { text, citations: Vec::new(), provider, model, fallback_reason })
    }

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
) -> Result<Reply, FallbackReason> {
    let patience = model.patience();
    let (mut pause, mut attempt) = (PAUSE_FIRST, 1);
    loop {
        let mut said = String::new();
        let error = match spoken(model, key, (&messages, patience), &mut said, draft).await {
            Ok(()) => return said.parse().map_err(|_| FallbackReason::Unusable),
            Err(error) => error,
        };
        tracing::warn!(answer.id = key, attempt, "the model did not answer {key}: {error}");
        if !said.is_empty() || attempt >= ATTEMPTS_MAX || !error.may_pass() {
            return Err(reason(&error, &said));
        }
        sleep(pause).await;
        pause *= 2;
        attempt += 1;
    }
}

/// Until it has said everything, or as much as an answer may have.
async fn spoken(
    model: &ChatModel,
    key: &str,
    (messages, patience): (&[Message], Patience),
    said: &mut String,
    draft: &Draft<'_>,
) -> Result<(), CallError> {
    let mut saying = model.ask(key, messages, TOKENS_MAX, patience).await?;
    let mut left = Reply::CHARS_MAX;
    while let Some(piece) = saying.next().await? {
        let sound = piece.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t'));
        let piece: String = sound.take(left).collect();
        left -= piece.chars().count();
        said.push_str(if said.is_empty() { piece.trim_start() } else { &piece });
        if left == 0 {
            saying.enough();
            break;
        }
        draft.show(said).await;
    }
    Ok(())
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
