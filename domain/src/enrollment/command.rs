use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Mark;
use crate::{AccountId, CertificateId, CourseId, LessonId, course::Course};

/// One student in one course. Its text form names the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct EnrollmentId {
    pub student: AccountId,
    pub course: CourseId,
}

impl EnrollmentId {
    /// Made of student and course: there is one per enrollment, and imports make the same one again.
    pub fn certificate(self) -> CertificateId {
        Uuid::new_v5(&self.course.uuid(), self.student.uuid().as_bytes()).into()
    }
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

impl CourseFacts {
    pub fn of(course: &Course) -> Self {
        Self { open: course.is_open(), lessons: course.lessons() }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// `certificate`, here and below, is the id to use should this complete the course.
    Enroll {
        enrollment: EnrollmentId,
        course: CourseFacts,
        certificate: CertificateId,
        at: DateTime<Utc>,
    },
    Withdraw {
        enrollment: EnrollmentId,
        at: DateTime<Utc>,
    },
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
    /// The course may have lost the only lesson that was open.
    Complete {
        enrollment: EnrollmentId,
        course: CourseFacts,
        certificate: CertificateId,
        at: DateTime<Utc>,
    },
}
