use chrono::{DateTime, Utc};

use super::Outcome;
use crate::{AccountId, CourseId, ErrorText, PublicationId, Tag};

/// What the process has done or met. `duration_ms` is how long the attempt took.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Start {
        publication: PublicationId,
        course: CourseId,
        instructor: AccountId,
        steps: Vec<Tag>,
        at: DateTime<Utc>,
    },
    CompleteStep {
        publication: PublicationId,
        step: Tag,
        duration_ms: u64,
        outcome: Option<Outcome>,
        at: DateTime<Utc>,
    },
    /// The step is under way: so much of it is done.
    AdvanceStep { publication: PublicationId, step: Tag, done: u32, total: u32, at: DateTime<Utc> },
    /// It will be tried again.
    FailStep {
        publication: PublicationId,
        step: Tag,
        duration_ms: u64,
        error: ErrorText,
        retry_at: DateTime<Utc>,
        at: DateTime<Utc>,
    },
    /// It will not be tried again.
    GiveUp {
        publication: PublicationId,
        step: Tag,
        duration_ms: u64,
        reason: ErrorText,
        at: DateTime<Utc>,
    },
}
