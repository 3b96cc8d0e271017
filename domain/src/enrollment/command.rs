use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Mark;
use crate::{AccountId, CertificateId, CourseId, LessonId};

/// One student in one course. Its text form names the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct EnrollmentId {
    pub student: AccountId,
    pub course: CourseId,
}

impl fmt::Display for EnrollmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.student, self.course)
    }
}

/// What the rules of enrollment must know of the course, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CourseFacts {
    /// Published and not archived.
    pub open: bool,
    pub lessons: Vec<LessonId>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Enroll {
        enrollment: EnrollmentId,
        course: CourseFacts,
        at: DateTime<Utc>,
    },
    Withdraw {
        enrollment: EnrollmentId,
        at: DateTime<Utc>,
    },
    /// `certificate` is the id to use should this complete the course.
    CompleteLesson {
        enrollment: EnrollmentId,
        lesson: LessonId,
        score: Option<Mark>,
        course: CourseFacts,
        certificate: CertificateId,
        at: DateTime<Utc>,
    },
    ReopenLesson {
        enrollment: EnrollmentId,
        lesson: LessonId,
        course: CourseFacts,
        at: DateTime<Utc>,
    },
}
