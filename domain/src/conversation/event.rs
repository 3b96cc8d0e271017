use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Citation, Question, Reply};
use crate::wire::schemas;
use crate::{AccountId, AnswerId, ConversationId, CourseId, Personal, Reference};

/// What happened in a conversation. Every event carries who asks and what about, which never change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    QuestionAsked {
        conversation: ConversationId,
        answer: AnswerId,
        asker: AccountId,
        about: About,
        question: Personal<Question>,
        at: DateTime<Utc>,
    },
    AnswerGiven {
        conversation: ConversationId,
        answer: AnswerId,
        asker: AccountId,
        about: About,
        text: Personal<Reply>,
        citations: Personal<Vec<Citation>>,
        provider: Provider,
        /// By its own name, where there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<Reference>,
        /// Why it is not the answer of the model that was to give it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fallback_reason: Option<FallbackReason>,
        at: DateTime<Utc>,
    },
    AnswerRated {
        conversation: ConversationId,
        answer: AnswerId,
        asker: AccountId,
        about: About,
        helpful: bool,
        at: DateTime<Utc>,
    },
}

/// What a conversation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum About {
    Course { course: CourseId },
    Shop,
}

/// Who made the answer: quotations by ourselves, or a model of somebody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    Extractive,
    Model,
}

/// What kept the model from answering. A kind and no text of its server: that might repeat the
/// question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FallbackReason {
    /// It failed too often lately and was not asked.
    NotCalled,
    Unreachable,
    /// It did not answer in time.
    TimedOut,
    /// It answered with an error.
    Failed,
    /// Its answer ended in the middle.
    BrokeOff,
    /// What it said was empty or no text.
    Unusable,
}

impl FallbackReason {
    /// As it is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotCalled => "not-called",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed-out",
            Self::Failed => "failed",
            Self::BrokeOff => "broke-off",
            Self::Unusable => "unusable",
        }
    }
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::QuestionAsked { .. } => ("QuestionAsked", "1.0.0"),
        Self::AnswerGiven { .. } => ("AnswerGiven", "1.0.0"),
        Self::AnswerRated { .. } => ("AnswerRated", "1.0.0"),
    }
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        self.schema().0.to_owned()
    }

    fn event_version(&self) -> String {
        self.schema().1.to_owned()
    }
}
