//! Somebody asks the assistant, and is answered.
//!
//! A conversation belongs to whoever began it and is about one thing: a course or the shop. About a
//! course ask those who take it and whoever teaches it, which the caller looks up. A question has
//! 1 to 2,000 characters and a conversation 100 questions at most; they are answered in their order,
//! each once. Who asked rates an answer that was given, and may change their mind; the same rating
//! again changes nothing. Question, answer and what it cites say what somebody wanted to know: they
//! are sealed with the key of that person.

mod aggregate;
mod citation;
mod command;
mod event;
mod words;

pub use aggregate::{Conversation, QUESTIONS_MAX, Refusal};
pub use citation::{CITATIONS_MAX, Citation};
pub use command::Command;
pub use event::{About, Event, FallbackReason, Provider};
pub use words::{Question, Reply, WordsError};

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
