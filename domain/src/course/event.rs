use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Details, LessonDetails};
use crate::{AccountId, CourseId, ErrorText, LessonId, PublicationId, Tag, wire::schemas};

/// What happened to a course. Details are always complete; positions count from 1.
///
/// Lessons after the one added, moved or removed shift by one place, as in any list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    CourseCreated {
        course: CourseId,
        instructor: AccountId,
        details: Box<Details>,
        at: DateTime<Utc>,
    },
    CourseRevised {
        course: CourseId,
        details: Box<Details>,
        at: DateTime<Utc>,
    },
    LessonAdded {
        course: CourseId,
        lesson: LessonId,
        position: u32,
        details: Box<LessonDetails>,
        at: DateTime<Utc>,
    },
    LessonRevised {
        course: CourseId,
        lesson: LessonId,
        details: Box<LessonDetails>,
        at: DateTime<Utc>,
    },
    LessonMoved {
        course: CourseId,
        lesson: LessonId,
        from: u32,
        to: u32,
        at: DateTime<Utc>,
    },
    LessonRemoved {
        course: CourseId,
        lesson: LessonId,
        position: u32,
        at: DateTime<Utc>,
    },
    PublicationRequested {
        course: CourseId,
        publication: PublicationId,
        at: DateTime<Utc>,
    },
    CoursePublished {
        course: CourseId,
        publication: PublicationId,
        instructor: AccountId,
        lessons: u32,
        at: DateTime<Utc>,
    },
    /// The course is as it was before it was submitted, and can be submitted again.
    PublicationFailed {
        course: CourseId,
        publication: PublicationId,
        instructor: AccountId,
        step: Tag,
        reason: ErrorText,
        at: DateTime<Utc>,
    },
    CourseArchived {
        course: CourseId,
        at: DateTime<Utc>,
    },
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::CourseCreated { .. } => ("CourseCreated", "1.0.0"),
        Self::CourseRevised { .. } => ("CourseRevised", "1.0.0"),
        Self::LessonAdded { .. } => ("LessonAdded", "1.0.0"),
        Self::LessonRevised { .. } => ("LessonRevised", "1.0.0"),
        Self::LessonMoved { .. } => ("LessonMoved", "1.0.0"),
        Self::LessonRemoved { .. } => ("LessonRemoved", "1.0.0"),
        Self::PublicationRequested { .. } => ("PublicationRequested", "1.0.0"),
        Self::CoursePublished { .. } => ("CoursePublished", "1.0.0"),
        Self::PublicationFailed { .. } => ("PublicationFailed", "1.0.0"),
        Self::CourseArchived { .. } => ("CourseArchived", "1.0.0"),
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
