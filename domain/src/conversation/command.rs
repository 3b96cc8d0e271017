use chrono::{DateTime, Utc};

use super::{About, Citation, FallbackReason, Provider, Question, Reply};
use crate::{AccountId, AnswerId, ConversationId, Personal, Reference};

/// What can be asked of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Ask {
        conversation: ConversationId,
        /// Of the answer that is to come.
        answer: AnswerId,
        asker: AccountId,
        about: About,
        question: Personal<Question>,
        /// The conversation must be there already.
        continues: bool,
        /// Whether who asks takes part in what it is about.
        admitted: bool,
        at: DateTime<Utc>,
    },
    Answer {
        conversation: ConversationId,
        answer: AnswerId,
        text: Personal<Reply>,
        citations: Personal<Vec<Citation>>,
        provider: Provider,
        model: Option<Reference>,
        fallback_reason: Option<FallbackReason>,
        at: DateTime<Utc>,
    },
    Rate {
        conversation: ConversationId,
        answer: AnswerId,
        by: AccountId,
        helpful: bool,
        at: DateTime<Utc>,
    },
}
