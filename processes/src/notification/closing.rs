//! A sentence of a model's at the end of a letter. The letter itself is the template's: what matters
//! in it is never left to a model, and without the sentence it is as good a letter.

use std::time::{Duration, Instant};

use domain::notification::Message;

use crate::chat::{self, ChatModel};
use crate::outgoing::Patience;

const CHARS_MAX: usize = 300;
/// More than have so many characters.
const TOKENS_MAX: u32 = 200;
/// A letter does not wait longer for it.
const WAIT_MAX: Duration = Duration::from_secs(10);

const RULES: &str = "Write one friendly sentence, of at most 200 characters, that could close a \
    letter with this subject. No greeting, no name, no address, no promise, nothing that is not in \
    the subject. Write it in the language of the subject, and nothing else.";

/// Good news, of which more can be said without harm.
const fn may_close(message: &Message) -> bool {
    match message {
        Message::Welcome
        | Message::Enrolled { .. }
        | Message::CourseCompleted { .. }
        | Message::CoursePublished { .. }
        | Message::OrderConfirmed { .. }
        | Message::OrderShipped { .. } => true,
        Message::OrderRejected { .. }
        | Message::OrderCancelled { .. }
        | Message::StockRanLow { .. }
        | Message::PublicationFailed { .. }
        | Message::PasswordReset { .. }
        | Message::ExportReady { .. }
        | Message::EmailChanged
        | Message::SessionEnded => false,
    }
}

/// What could close a letter. The model is told its subject, in which nobody is named.
pub(crate) async fn closing(
    model: &ChatModel,
    message: &Message,
    key: &str,
    subject: &str,
) -> Option<String> {
    if !may_close(message) || subject.is_empty() {
        return None;
    }
    let closing = said(model, key, subject).await.and_then(|said| sentence(&said));
    if closing.is_none() {
        tracing::info!("notification {key} goes out without a closing sentence");
    }
    closing
}

async fn said(model: &ChatModel, key: &str, subject: &str) -> Option<String> {
    let rules = chat::Message { role: "system", content: RULES.to_owned() };
    let subject = chat::Message { role: "user", content: subject.to_owned() };
    let deadline = Instant::now() + WAIT_MAX;
    let silence_max = model.patience().silence_max.min(WAIT_MAX);
    let patience = Patience { deadline, silence_max };
    let mut saying = model.ask(key, &[rules, subject], TOKENS_MAX, patience).await.ok()?;
    let mut said = String::new();
    while let Some(piece) = saying.next().await.ok()? {
        said.push_str(&piece);
        if said.trim_start().contains('\n') || said.chars().count() > CHARS_MAX {
            saying.enough();
            break;
        }
    }
    Some(said)
}

/// The first line, of words without an address: a small model goes on with a letter of its own.
fn sentence(said: &str) -> Option<String> {
    let line = said.trim().lines().next()?.trim().trim_matches('"');
    let is_plain = (1..=CHARS_MAX).contains(&line.chars().count())
        && !line.chars().any(char::is_control)
        && !["http", "www.", "@"].iter().any(|part| line.contains(part));
    is_plain.then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_sentence_is_left_out() {
        assert_eq!(sentence(" \"Enjoy it!\"\n").as_deref(), Some("Enjoy it!"));
        assert_eq!(sentence("Enjoy it.\n\nYours,\nDaybook").as_deref(), Some("Enjoy it."));
        let long = "on and ".repeat(50);
        for wrong in ["", " ", "Go to https://x.example", "Write to a@b.example", &long] {
            assert_eq!(sentence(wrong), None, "{wrong}");
        }
    }
}
