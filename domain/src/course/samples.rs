//! Courses for tests.

use super::{Command, Details, Event, LessonDetails, Level};
use crate::{
    AccountId, ErrorText, LessonId, PublicationId,
    samples::{ada, at, lesson, rust_course, tags, text, uuid},
};

pub fn details(description: Option<&str>, seats: Option<u32>) -> Details {
    Details {
        title: text("Rust for Readers"),
        description: description.map(text),
        level: Some(Level::Beginner),
        skills: tags(["rust"]),
        seats: seats.and_then(|seats| seats.try_into().ok()),
    }
}

pub fn lesson_details(body: Option<&str>) -> LessonDetails {
    LessonDetails { title: text("Ownership"), text: body.map(text), minutes: 30.try_into().ok() }
}

pub fn publication() -> PublicationId {
    uuid(0x9b).into()
}

pub fn created(description: Option<&str>, seats: Option<u32>) -> Event {
    let details = Box::new(details(description, seats));
    Event::CourseCreated { course: rust_course(), instructor: ada(), details, at: at(0) }
}

pub fn lesson_added(lesson: LessonId, position: u32, body: Option<&str>) -> Event {
    let details = Box::new(lesson_details(body));
    Event::LessonAdded { course: rust_course(), lesson, position, details, at: at(1) }
}

pub fn lesson_removed(lesson: LessonId, position: u32) -> Event {
    Event::LessonRemoved { course: rust_course(), lesson, position, at: at(3) }
}

pub fn lesson_moved(lesson: LessonId, from: u32, to: u32) -> Event {
    Event::LessonMoved { course: rust_course(), lesson, from, to, at: at(2) }
}

pub fn requested() -> Event {
    Event::PublicationRequested { course: rust_course(), publication: publication(), at: at(4) }
}

pub fn published(lessons: u32) -> Event {
    let (course, publication, instructor) = (rust_course(), publication(), ada());
    Event::CoursePublished { course, publication, instructor, lessons, at: at(4) }
}

pub fn publication_failed() -> Event {
    let (course, publication, instructor) = (rust_course(), publication(), ada());
    let (step, reason) = (text("extract"), not_a_word());
    Event::PublicationFailed { course, publication, instructor, step, reason, at: at(4) }
}

pub fn archived() -> Event {
    Event::CourseArchived { course: rust_course(), at: at(5) }
}

pub fn add_lesson(by: AccountId, lesson: LessonId, position: Option<u32>) -> Command {
    let details = Box::new(lesson_details(Some("Who frees what.")));
    Command::AddLesson { course: rust_course(), by, lesson, details, position, at: at(1) }
}

pub fn move_lesson(lesson: LessonId, position: u32) -> Command {
    Command::MoveLesson { course: rust_course(), by: ada(), lesson, position, at: at(2) }
}

pub fn remove_lesson(lesson: LessonId) -> Command {
    Command::RemoveLesson { course: rust_course(), by: ada(), lesson, at: at(3) }
}

pub fn publish() -> Command {
    Command::Publish { course: rust_course(), by: ada(), publication: publication(), at: at(4) }
}

pub fn submit() -> Command {
    let (course, by, publication) = (rust_course(), ada(), publication());
    Command::SubmitForPublication { course, by, publication, at: at(4) }
}

pub fn finish_publication() -> Command {
    let (course, publication) = (rust_course(), publication());
    Command::FinishPublication { course, publication, at: at(4) }
}

pub fn fail_publication() -> Command {
    let (course, publication, step) = (rust_course(), publication(), text("extract"));
    Command::FailPublication { course, publication, step, reason: not_a_word(), at: at(4) }
}

fn not_a_word() -> ErrorText {
    ErrorText::from("there is not a word in the lessons".to_owned())
}

pub fn archive() -> Command {
    Command::Archive { course: rust_course(), by: ada(), at: at(5) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    let course = rust_course();
    let details = Box::new(details(Some("Read before you write."), None));
    let lesson_details = Box::new(lesson_details(None));
    vec![
        created(Some("Read before you write."), Some(30)),
        Event::CourseRevised { course, details, at: at(1) },
        lesson_added(lesson(1), 1, Some("Who frees what.")),
        Event::LessonRevised { course, lesson: lesson(1), details: lesson_details, at: at(2) },
        lesson_moved(lesson(1), 1, 2),
        lesson_removed(lesson(1), 2),
        requested(),
        published(3),
        publication_failed(),
        archived(),
    ]
}
