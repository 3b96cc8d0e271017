use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fingerprint;
use crate::{AccountId, CourseId, ErrorText, PublicationId, Tag, wire::schemas};

/// How far the publication of a course got. Attempts of a step count from 1.
///
/// The instructor stands in each, because it is whom the news is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    PublicationStarted {
        publication: PublicationId,
        course: CourseId,
        instructor: AccountId,
        steps: Vec<Tag>,
        at: DateTime<Utc>,
    },
    /// So much of a long step is done. A few of them tell how it goes; most work is not told of.
    PublicationStepAdvanced {
        publication: PublicationId,
        instructor: AccountId,
        step: Tag,
        attempt: u32,
        done: u32,
        total: u32,
        at: DateTime<Utc>,
    },
    PublicationStepCompleted {
        publication: PublicationId,
        instructor: AccountId,
        step: Tag,
        attempt: u32,
        duration_ms: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<Outcome>,
        at: DateTime<Utc>,
    },
    PublicationStepFailed {
        publication: PublicationId,
        instructor: AccountId,
        step: Tag,
        attempt: u32,
        duration_ms: u64,
        error: ErrorText,
        retry_at: DateTime<Utc>,
        at: DateTime<Utc>,
    },
    PublicationGivenUp {
        publication: PublicationId,
        instructor: AccountId,
        step: Tag,
        attempt: u32,
        duration_ms: u64,
        reason: ErrorText,
        at: DateTime<Utc>,
    },
    PublicationFinished {
        publication: PublicationId,
        instructor: AccountId,
        at: DateTime<Utc>,
    },
}

/// What a step can show for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schemars(rename = "PublicationOutcome")]
pub enum Outcome {
    /// The plain text of all lessons, and how many attached files were read besides, if any.
    Extracted {
        lessons: u32,
        characters: u64,
        sha256: Fingerprint,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        files: Option<u32>,
    },
    /// The pieces that the text was split into.
    Split { chunks: u32, sha256: Fingerprint },
    /// How many different pieces there are, and how many of them this model has made a vector of.
    /// Without a model none, for this reason.
    Embedded {
        passages: u32,
        embedded: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<Fingerprint>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<ErrorText>,
    },
    /// The full-text index has this text.
    Indexed { sequence: i64, sha256: Fingerprint },
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::PublicationStarted { .. } => ("PublicationStarted", "1.0.0"),
        Self::PublicationStepAdvanced { .. } => ("PublicationStepAdvanced", "1.0.0"),
        Self::PublicationStepCompleted { .. } => ("PublicationStepCompleted", "1.1.0"),
        Self::PublicationStepFailed { .. } => ("PublicationStepFailed", "1.0.0"),
        Self::PublicationGivenUp { .. } => ("PublicationGivenUp", "1.0.0"),
        Self::PublicationFinished { .. } => ("PublicationFinished", "1.0.0"),
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
