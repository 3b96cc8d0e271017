use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EnrollmentId, Mark};
use crate::{CertificateId, LessonId, wire::schemas};

/// What happened to a student in a course.
///
/// `completed` of `lessons` is the progress after the event, counted in the course as it then was.
/// `StudentEnrolled` after a withdrawal resumes: lessons completed before still count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    StudentEnrolled {
        enrollment: EnrollmentId,
        completed: u32,
        lessons: u32,
        at: DateTime<Utc>,
    },
    EnrollmentWithdrawn {
        enrollment: EnrollmentId,
        at: DateTime<Utc>,
    },
    LessonCompleted {
        enrollment: EnrollmentId,
        lesson: LessonId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        score: Option<Mark>,
        completed: u32,
        lessons: u32,
        at: DateTime<Utc>,
    },
    LessonReopened {
        enrollment: EnrollmentId,
        lesson: LessonId,
        completed: u32,
        lessons: u32,
        at: DateTime<Utc>,
    },
    /// At most once per enrollment, with the certificate it earns.
    CourseCompleted {
        enrollment: EnrollmentId,
        certificate: CertificateId,
        at: DateTime<Utc>,
    },
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::StudentEnrolled { .. } => ("StudentEnrolled", "1.0.0"),
        Self::EnrollmentWithdrawn { .. } => ("EnrollmentWithdrawn", "1.0.0"),
        Self::LessonCompleted { .. } => ("LessonCompleted", "1.0.0"),
        Self::LessonReopened { .. } => ("LessonReopened", "1.0.0"),
        Self::CourseCompleted { .. } => ("CourseCompleted", "1.0.0"),
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
