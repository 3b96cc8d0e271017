use chrono::{DateTime, Utc};

use super::{Details, LessonDetails, Level, Minutes, Seats};
use crate::{
    AccountId, CourseId, ErrorText, LessonId, Markdown, Patch, PublicationId, Tag, Tags, Text,
    Title,
};

/// What an instructor asks for (`by` is who asks), and what became of a publication.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Create {
        course: CourseId,
        by: AccountId,
        details: Box<Details>,
        at: DateTime<Utc>,
    },
    Revise {
        course: CourseId,
        by: AccountId,
        revision: Box<Revision>,
        at: DateTime<Utc>,
    },
    /// Puts a lesson in `position` (from 1), or last.
    AddLesson {
        course: CourseId,
        by: AccountId,
        lesson: LessonId,
        details: Box<LessonDetails>,
        position: Option<u32>,
        at: DateTime<Utc>,
    },
    ReviseLesson {
        course: CourseId,
        by: AccountId,
        lesson: LessonId,
        revision: Box<LessonRevision>,
        at: DateTime<Utc>,
    },
    MoveLesson {
        course: CourseId,
        by: AccountId,
        lesson: LessonId,
        position: u32,
        at: DateTime<Utc>,
    },
    RemoveLesson {
        course: CourseId,
        by: AccountId,
        lesson: LessonId,
        at: DateTime<Utc>,
    },
    /// Requests publication; nothing about the course changes until that has ended.
    SubmitForPublication {
        course: CourseId,
        by: AccountId,
        publication: PublicationId,
        at: DateTime<Utc>,
    },
    /// Everything is prepared.
    FinishPublication {
        course: CourseId,
        publication: PublicationId,
        at: DateTime<Utc>,
    },
    /// A step of the publication was given up.
    FailPublication {
        course: CourseId,
        publication: PublicationId,
        step: Tag,
        reason: ErrorText,
        at: DateTime<Utc>,
    },
    /// Requested and published at once, as history that is brought in was.
    Publish {
        course: CourseId,
        by: AccountId,
        publication: PublicationId,
        at: DateTime<Utc>,
    },
    Archive {
        course: CourseId,
        by: AccountId,
        at: DateTime<Utc>,
    },
}

/// The fields of a course to change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Revision {
    pub title: Option<Title>,
    pub description: Patch<Text>,
    pub level: Patch<Level>,
    pub skills: Option<Tags>,
    pub seats: Patch<Seats>,
}

impl Revision {
    /// The details after the change.
    pub fn of(self, current: &Details) -> Details {
        let current = current.clone();
        Details {
            title: self.title.unwrap_or(current.title),
            description: self.description.apply(current.description),
            level: self.level.apply(current.level),
            skills: self.skills.unwrap_or(current.skills),
            seats: self.seats.apply(current.seats),
        }
    }
}

/// The fields of a lesson to change; `position` moves it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LessonRevision {
    pub title: Option<Title>,
    pub text: Patch<Markdown>,
    pub minutes: Patch<Minutes>,
    pub position: Option<u32>,
}
