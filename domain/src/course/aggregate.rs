use std::sync::Arc;

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Details, Event, LessonDetails, LessonRevision};
use crate::{AccountId, Claim, CourseId, LessonId, Markdown, PublicationId, Recorded, Title};

/// Absent until created.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Course {
    pub(super) created: Option<Created>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Created {
    pub(super) status: Status,
    /// The publication that is under way.
    publication: Option<PublicationId>,
    instructor: AccountId,
    details: Arc<Details>,
    lessons: Vec<Lesson>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Lesson {
    id: LessonId,
    details: Arc<LessonDetails>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Draft,
    Publishing,
    Published,
    Archived,
}

/// More lessons than any course has; keeps the stream's state small.
pub const LESSONS_MAX: usize = 500;

/// Why a request was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("there is no such course")]
    Unknown,
    #[error("this course exists already")]
    AlreadyCreated,
    #[error("only its instructor changes a course")]
    NotTheInstructor,
    #[error("this course has been archived")]
    Archived,
    #[error("this course has been published already")]
    AlreadyPublished,
    #[error("this course is being published, and does not change until that has ended")]
    Publishing,
    #[error("this publication of the course is not under way")]
    NotUnderWay,
    #[error("a published course has a description")]
    NoDescription,
    #[error("a published course has at least one lesson with text")]
    NoLesson,
    #[error("the course has no such lesson")]
    UnknownLesson,
    #[error("the course has this lesson already")]
    LessonExists,
    #[error("a course has at most {LESSONS_MAX} lessons")]
    TooManyLessons,
    #[error("lessons stand in places 1 to {last}")]
    NoSuchPosition { last: u32 },
}

impl Course {
    pub fn status(&self) -> Option<Status> {
        self.created.as_ref().map(|created| created.status)
    }

    /// Published, and not archived since.
    pub fn is_open(&self) -> bool {
        self.status() == Some(Status::Published)
    }

    pub fn instructor(&self) -> Option<AccountId> {
        self.created.as_ref().map(|created| created.instructor)
    }

    /// The lessons in their order.
    pub fn lessons(&self) -> Vec<LessonId> {
        let lessons = self.created.iter().flat_map(|created| &created.lessons);
        lessons.map(|lesson| lesson.id).collect()
    }

    /// The title and the text of each lesson, in their order.
    pub fn texts(&self) -> impl Iterator<Item = (LessonId, &Title, Option<&Markdown>)> {
        let lessons = self.created.iter().flat_map(|created| &created.lessons);
        lessons.map(|lesson| (lesson.id, &lesson.details.title, lesson.details.text.as_ref()))
    }

    /// Whether this publication is under way and the course has what a published one must have.
    pub fn may_be_published(&self, publication: PublicationId) -> Result<(), Refusal> {
        match &self.created {
            None => Err(Refusal::Unknown),
            Some(created) if created.status == Status::Archived => Err(Refusal::Archived),
            Some(created) if created.publication != Some(publication) => Err(Refusal::NotUnderWay),
            Some(created) => created.is_ready(),
        }
    }

    /// Every rule about courses: who may, then in which state, then what.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, &self.created) {
            (Command::Create { course, by, details, at }, None) => {
                Ok(vec![Event::CourseCreated { course, instructor: by, details, at }])
            }
            (Command::Create { .. }, Some(_)) => Err(Refusal::AlreadyCreated),
            (_, None) => Err(Refusal::Unknown),
            (command, Some(created)) if command.by().is_some_and(|by| by != created.instructor) => {
                Err(Refusal::NotTheInstructor)
            }
            (command, Some(created)) => created.decide(command),
        }
    }
}

impl Created {
    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, self.status) {
            (Command::FailPublication { publication, .. }, _)
                if self.publication != Some(publication) =>
            {
                Ok(vec![])
            }
            (Command::FailPublication { course, publication, step, reason, at }, _) => {
                let instructor = self.instructor;
                Ok(vec![Event::PublicationFailed {
                    course,
                    publication,
                    instructor,
                    step,
                    reason,
                    at,
                }])
            }
            (Command::Archive { .. }, Status::Archived) => Ok(vec![]),
            (_, Status::Archived) => Err(Refusal::Archived),
            (Command::Archive { course, at, .. }, _) => {
                Ok(vec![Event::CourseArchived { course, at }])
            }
            (Command::Create { .. }, _) => Err(Refusal::AlreadyCreated),
            (Command::FinishPublication { publication, .. }, _)
                if self.publication != Some(publication) =>
            {
                Err(Refusal::NotUnderWay)
            }
            (Command::FinishPublication { course, publication, at }, _) => {
                Ok(vec![self.published(course, publication, at)])
            }
            (_, Status::Publishing) => Err(Refusal::Publishing),
            (Command::Revise { course, revision, at, .. }, status) => {
                let details = revision.of(&self.details);
                if details == *self.details {
                    return Ok(vec![]);
                }
                if status == Status::Published && details.description.is_none() {
                    return Err(Refusal::NoDescription);
                }
                Ok(vec![Event::CourseRevised { course, details: Box::new(details), at }])
            }
            (Command::AddLesson { course, lesson, details, position, at, .. }, _) => {
                let position = self.place_for_new(lesson, position)?;
                Ok(vec![Event::LessonAdded { course, lesson, position, details, at }])
            }
            (Command::ReviseLesson { course, lesson, revision, at, .. }, _) => {
                self.revise_lesson(course, lesson, *revision, at)
            }
            (Command::MoveLesson { course, lesson, position: to, at, .. }, _) => {
                self.move_lesson(course, lesson, to, at)
            }
            (Command::RemoveLesson { course, lesson, at, .. }, _) => {
                let position = self.position(lesson)?;
                self.keeps_text_without(lesson)?;
                Ok(vec![Event::LessonRemoved { course, lesson, position, at }])
            }
            (Command::SubmitForPublication { .. } | Command::Publish { .. }, Status::Published) => {
                Err(Refusal::AlreadyPublished)
            }
            (Command::SubmitForPublication { course, publication, at, .. }, _) => {
                self.is_ready()?;
                Ok(vec![Event::PublicationRequested { course, publication, at }])
            }
            (Command::Publish { course, publication, at, .. }, _) => {
                self.is_ready()?;
                Ok(vec![
                    Event::PublicationRequested { course, publication, at },
                    self.published(course, publication, at),
                ])
            }
        }
    }

    /// What a course must have to be published.
    fn is_ready(&self) -> Result<(), Refusal> {
        if self.details.description.is_none() {
            return Err(Refusal::NoDescription);
        }
        if !self.lessons.iter().any(Lesson::has_text) {
            return Err(Refusal::NoLesson);
        }
        Ok(())
    }

    fn published(&self, course: CourseId, publication: PublicationId, at: Time) -> Event {
        let (instructor, lessons) = (self.instructor, self.lessons.len() as u32);
        Event::CoursePublished { course, publication, instructor, lessons, at }
    }

    fn revise_lesson(
        &self,
        course: CourseId,
        lesson: LessonId,
        revision: LessonRevision,
        at: Time,
    ) -> Result<Vec<Event>, Refusal> {
        let current = &self.lessons[self.position(lesson)? as usize - 1].details;
        let to = revision.position;
        let details = LessonDetails {
            title: revision.title.unwrap_or_else(|| current.title.clone()),
            text: revision.text.apply(current.text.clone()),
            minutes: revision.minutes.apply(current.minutes),
        };
        if details.text.is_none() {
            self.keeps_text_without(lesson)?;
        }
        let mut events = vec![];
        if details != **current {
            events.push(Event::LessonRevised { course, lesson, details: Box::new(details), at });
        }
        if let Some(to) = to {
            events.extend(self.move_lesson(course, lesson, to, at)?);
        }
        Ok(events)
    }

    fn move_lesson(
        &self,
        course: CourseId,
        lesson: LessonId,
        to: u32,
        at: Time,
    ) -> Result<Vec<Event>, Refusal> {
        let from = self.position(lesson)?;
        let last = self.lessons.len() as u32;
        match to {
            to if to == from => Ok(vec![]),
            to if (1..=last).contains(&to) => {
                Ok(vec![Event::LessonMoved { course, lesson, from, to, at }])
            }
            _ => Err(Refusal::NoSuchPosition { last }),
        }
    }

    fn place_for_new(&self, lesson: LessonId, position: Option<u32>) -> Result<u32, Refusal> {
        if self.position(lesson).is_ok() {
            return Err(Refusal::LessonExists);
        }
        if self.lessons.len() >= LESSONS_MAX {
            return Err(Refusal::TooManyLessons);
        }
        let last = self.lessons.len() as u32 + 1;
        match position.unwrap_or(last) {
            position if (1..=last).contains(&position) => Ok(position),
            _ => Err(Refusal::NoSuchPosition { last }),
        }
    }

    /// A published course must not lose the last text it has.
    fn keeps_text_without(&self, lesson: LessonId) -> Result<(), Refusal> {
        let mut others = self.lessons.iter().filter(|other| other.id != lesson);
        if self.status == Status::Published && !others.any(Lesson::has_text) {
            return Err(Refusal::NoLesson);
        }
        Ok(())
    }

    fn position(&self, lesson: LessonId) -> Result<u32, Refusal> {
        let index = self.lessons.iter().position(|other| other.id == lesson);
        index.map(|index| index as u32 + 1).ok_or(Refusal::UnknownLesson)
    }
}

impl Lesson {
    fn has_text(&self) -> bool {
        self.details.text.is_some()
    }
}

impl Command {
    /// None for what became of a publication.
    const fn by(&self) -> Option<AccountId> {
        match self {
            Self::Create { by, .. }
            | Self::Revise { by, .. }
            | Self::AddLesson { by, .. }
            | Self::ReviseLesson { by, .. }
            | Self::MoveLesson { by, .. }
            | Self::RemoveLesson { by, .. }
            | Self::SubmitForPublication { by, .. }
            | Self::Publish { by, .. }
            | Self::Archive { by, .. } => Some(*by),
            Self::FinishPublication { .. } | Self::FailPublication { .. } => None,
        }
    }
}

type Time = chrono::DateTime<chrono::Utc>;

impl Aggregate for Course {
    const TYPE: &'static str = "course";
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
        if let Event::CourseCreated { instructor, details, .. } = event {
            let (status, lessons) = (Status::Draft, Vec::new());
            let details = details.into();
            let publication = None;
            self.created = Some(Created { status, publication, instructor, details, lessons });
            return;
        }
        let Some(created) = &mut self.created else {
            return;
        };
        let lessons = &mut created.lessons;
        let index = |position: u32| position as usize - 1;
        match event {
            Event::CourseCreated { .. } => {}
            Event::CourseRevised { details, .. } => created.details = details.into(),
            Event::LessonAdded { lesson, position, details, .. } => {
                lessons.insert(index(position), Lesson { id: lesson, details: details.into() });
            }
            Event::LessonRevised { lesson, details, .. } => {
                if let Some(current) = lessons.iter_mut().find(|current| current.id == lesson) {
                    current.details = details.into();
                }
            }
            Event::LessonMoved { from, to, .. } => {
                let lesson = lessons.remove(index(from));
                lessons.insert(index(to), lesson);
            }
            Event::LessonRemoved { position, .. } => {
                lessons.remove(index(position));
            }
            Event::PublicationRequested { publication, .. } => {
                (created.status, created.publication) = (Status::Publishing, Some(publication));
            }
            Event::CoursePublished { .. } => {
                (created.status, created.publication) = (Status::Published, None);
            }
            // An archived course stays that.
            Event::PublicationFailed { .. } => {
                created.publication = None;
                if created.status == Status::Publishing {
                    created.status = Status::Draft;
                }
            }
            Event::CourseArchived { .. } => created.status = Status::Archived,
        }
    }
}

impl Recorded for Course {
    fn claims(event: &Event) -> Vec<Claim> {
        match event {
            Event::CourseCreated { course, details, .. }
            | Event::CourseRevised { course, details, .. } => vec![Claim::Capacity {
                kind: "seat",
                key: course.to_string(),
                places: details.seats.map(u32::from),
            }],
            _ => vec![],
        }
    }
}
