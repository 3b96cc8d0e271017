use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, CourseFacts, EnrollmentId, Event};
use crate::{CertificateId, Claim, LessonId, Recorded};

/// What a student has done in a course; survives a withdrawal.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Enrollment {
    enrolled: bool,
    completed: BTreeSet<LessonId>,
    certificate: Option<CertificateId>,
}

/// Why a request was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("the course is not open for enrollment")]
    CourseNotOpen,
    #[error("the student is not enrolled in this course")]
    NotEnrolled,
    #[error("the course has no such lesson")]
    UnknownLesson,
}

impl Enrollment {
    pub const fn is_enrolled(&self) -> bool {
        self.enrolled
    }

    pub const fn certificate(&self) -> Option<CertificateId> {
        self.certificate
    }

    /// Every rule about enrollments, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, self.enrolled) {
            (Command::Enroll { .. }, true) => Ok(vec![]),
            (Command::Enroll { course, .. }, false) if !course.open => Err(Refusal::CourseNotOpen),
            (Command::Enroll { enrollment, course, certificate, at }, false) => {
                let (completed, lessons) = progress(&self.completed, &course);
                let mut events =
                    vec![Event::StudentEnrolled { enrollment, completed, lessons, at }];
                if self.is_earned(completed, lessons) {
                    events.push(Event::CourseCompleted { enrollment, certificate, at });
                }
                Ok(events)
            }
            (Command::Withdraw { enrollment, at }, true) => {
                Ok(vec![Event::EnrollmentWithdrawn { enrollment, at }])
            }
            (_, false) => Err(Refusal::NotEnrolled),
            (
                Command::CompleteLesson { lesson, course, .. }
                | Command::ReopenLesson { lesson, course, .. },
                true,
            ) if !course.lessons.contains(&lesson) => Err(Refusal::UnknownLesson),
            (Command::CompleteLesson { enrollment, lesson, course, certificate, at, .. }, true)
                if self.completed.contains(&lesson) =>
            {
                Ok(self.completion(enrollment, &course, certificate, at))
            }
            (Command::Complete { enrollment, course, certificate, at }, true) => {
                Ok(self.completion(enrollment, &course, certificate, at))
            }
            (
                Command::CompleteLesson { enrollment, lesson, score, course, certificate, at },
                true,
            ) => {
                let mut done = self.completed.clone();
                done.insert(lesson);
                let (completed, lessons) = progress(&done, &course);
                let event =
                    Event::LessonCompleted { enrollment, lesson, score, completed, lessons, at };
                let mut events = vec![event];
                if self.is_earned(completed, lessons) {
                    events.push(Event::CourseCompleted { enrollment, certificate, at });
                }
                Ok(events)
            }
            (Command::ReopenLesson { lesson, .. }, true) if !self.completed.contains(&lesson) => {
                Ok(vec![])
            }
            (Command::ReopenLesson { enrollment, lesson, course, at }, true) => {
                let mut done = self.completed.clone();
                done.remove(&lesson);
                let (completed, lessons) = progress(&done, &course);
                Ok(vec![Event::LessonReopened { enrollment, lesson, completed, lessons, at }])
            }
        }
    }

    /// All the lessons that the course still has are done, and nothing says so yet.
    fn completion(
        &self,
        enrollment: EnrollmentId,
        course: &CourseFacts,
        certificate: CertificateId,
        at: DateTime<Utc>,
    ) -> Vec<Event> {
        let (completed, lessons) = progress(&self.completed, course);
        match self.is_earned(completed, lessons) {
            true => vec![Event::CourseCompleted { enrollment, certificate, at }],
            false => vec![],
        }
    }

    const fn is_earned(&self, completed: u32, lessons: u32) -> bool {
        lessons > 0 && completed == lessons && self.certificate.is_none()
    }
}

/// How many of the course's lessons are done. Lessons it has dropped since do not count.
fn progress(done: &BTreeSet<LessonId>, course: &CourseFacts) -> (u32, u32) {
    let completed = course.lessons.iter().filter(|lesson| done.contains(lesson)).count();
    (completed as u32, course.lessons.len() as u32)
}

impl Aggregate for Enrollment {
    const TYPE: &'static str = "enrollment";
    type Command = Command;
    type Event = Event;
    type Error = Refusal;
    type Services = ();

    async fn handle(
        &mut self,
        command: Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::StudentEnrolled { .. } => self.enrolled = true,
            Event::EnrollmentWithdrawn { .. } => self.enrolled = false,
            Event::LessonCompleted { lesson, .. } => {
                self.completed.insert(lesson);
            }
            Event::LessonReopened { lesson, .. } => {
                self.completed.remove(&lesson);
            }
            Event::CourseCompleted { certificate, .. } => self.certificate = Some(certificate),
        }
    }
}

/// The holder of a seat is the enrollment, not the student: releasing is by holder, and leaving one
/// course must not give back the seats in all others.
impl Recorded for Enrollment {
    fn claims(event: &Event) -> Vec<Claim> {
        match event {
            Event::StudentEnrolled { enrollment, .. } => vec![Claim::Place {
                kind: "seat",
                key: enrollment.course.to_string(),
                holder: enrollment.to_string(),
            }],
            Event::EnrollmentWithdrawn { enrollment, .. } => {
                vec![Claim::Release { kind: "seat", holder: enrollment.to_string() }]
            }
            Event::LessonCompleted { .. }
            | Event::LessonReopened { .. }
            | Event::CourseCompleted { .. } => vec![],
        }
    }
}
