//! Enrollments for tests.

use super::{Command, CourseFacts, EnrollmentId, Event};
use crate::{
    CertificateId, LessonId,
    samples::{at, bob, lesson, rust_course, uuid},
};

pub fn enrollment() -> EnrollmentId {
    EnrollmentId { student: bob(), course: rust_course() }
}

/// An open course with lessons 1 to `lessons`.
pub fn course(lessons: u128) -> CourseFacts {
    CourseFacts { open: true, lessons: (1..=lessons).map(lesson).collect() }
}

pub fn certificate() -> CertificateId {
    uuid(0xce).into()
}

pub fn enrolled(completed: u32, lessons: u32) -> Event {
    Event::StudentEnrolled { enrollment: enrollment(), completed, lessons, at: at(0) }
}

pub fn withdrawn() -> Event {
    Event::EnrollmentWithdrawn { enrollment: enrollment(), at: at(3) }
}

pub fn completed(lesson: LessonId, completed: u32, lessons: u32) -> Event {
    let (enrollment, score) = (enrollment(), 80.try_into().ok());
    Event::LessonCompleted { enrollment, lesson, score, completed, lessons, at: at(1) }
}

pub fn reopened(lesson: LessonId, completed: u32, lessons: u32) -> Event {
    Event::LessonReopened { enrollment: enrollment(), lesson, completed, lessons, at: at(2) }
}

pub fn course_completed() -> Event {
    Event::CourseCompleted { enrollment: enrollment(), certificate: certificate(), at: at(1) }
}

pub fn enroll(course: CourseFacts) -> Command {
    Command::Enroll { enrollment: enrollment(), course, certificate: certificate(), at: at(0) }
}

pub fn withdraw() -> Command {
    Command::Withdraw { enrollment: enrollment(), at: at(3) }
}

pub fn complete(lesson: LessonId, course: CourseFacts) -> Command {
    Command::CompleteLesson {
        enrollment: enrollment(),
        lesson,
        score: 80.try_into().ok(),
        course,
        certificate: certificate(),
        at: at(1),
    }
}

pub fn reopen(lesson: LessonId, course: CourseFacts) -> Command {
    Command::ReopenLesson { enrollment: enrollment(), lesson, course, at: at(2) }
}

pub fn complete_course(course: CourseFacts) -> Command {
    Command::Complete { enrollment: enrollment(), course, certificate: certificate(), at: at(1) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    vec![
        enrolled(0, 2),
        completed(lesson(1), 1, 2),
        reopened(lesson(1), 0, 2),
        course_completed(),
        withdrawn(),
    ]
}
