//! What each event of a course changes in its rows.

use domain::course::{Details, Event, LessonDetails};
use eventstore::RecordedEvent;
use uuid::Uuid;

use super::rows::{CourseRow, CourseState, LessonRow, State, WorkflowRow, WorkflowState};
use crate::ProjectionError;

pub(super) fn fold(state: &mut State, event: &RecordedEvent) -> Result<(), ProjectionError> {
    let decoded: Event = event.decode()?;
    if let Event::CourseCreated { course, instructor, details, at } = decoded {
        let mut row = CourseRow {
            course: course.uuid(),
            instructor: instructor.uuid(),
            title: String::new(),
            description: None,
            level: None,
            skills: Vec::new(),
            seats: None,
            state: CourseState::Draft,
            created_at: at,
            published_at: None,
            changed_at: at,
            sequence: event.sequence,
            position: event.position,
        };
        describe(&mut row, *details);
        state.courses.insert(course.uuid(), row);
        return Ok(());
    }
    let State { courses, lessons, bodies, removed, workflows } = state;
    let row = event
        .stream
        .aggregate_id
        .parse()
        .ok()
        .and_then(|course: Uuid| courses.get_mut(&course))
        .ok_or_else(|| ProjectionError::event(event, "the course was never created"))?;
    let lessons = lessons.entry(row.course).or_default();
    row.sequence = event.sequence;
    row.changed_at = match decoded {
        Event::CourseCreated { at, .. } => at,
        Event::CourseRevised { details, at, .. } => {
            describe(row, *details);
            at
        }
        Event::LessonAdded { lesson, position, details, at, .. } => {
            let lesson = lesson_row(row.course, lesson.uuid(), &details);
            bodies.insert((row.course, lesson.lesson), body(*details));
            lessons.insert(index(position).min(lessons.len()), lesson);
            at
        }
        Event::LessonRevised { lesson, details, at, .. } => {
            let known = lessons
                .iter_mut()
                .find(|known| known.lesson == lesson.uuid())
                .ok_or_else(|| ProjectionError::event(event, "the lesson was never added"))?;
            *known = lesson_row(row.course, lesson.uuid(), &details);
            bodies.insert((row.course, lesson.uuid()), body(*details));
            at
        }
        Event::LessonMoved { lesson, to, at, .. } => {
            if let Some(from) = lessons.iter().position(|known| known.lesson == lesson.uuid()) {
                let moved = lessons.remove(from);
                lessons.insert(index(to).min(lessons.len()), moved);
            }
            at
        }
        Event::LessonRemoved { lesson, at, .. } => {
            lessons.retain(|known| known.lesson != lesson.uuid());
            bodies.remove(&(row.course, lesson.uuid()));
            removed.insert((row.course, lesson.uuid()));
            at
        }
        Event::PublicationRequested { publication, at, .. } => {
            let workflow = WorkflowRow {
                workflow: publication.uuid(),
                kind: "publication".to_owned(),
                course: row.course,
                instructor: row.instructor,
                state: WorkflowState::Running,
                reason: None,
                current_step: None,
                steps_done: 0,
                steps: 0,
                by_step: Vec::new(),
                started_at: at,
                changed_at: at,
                position: event.position,
            };
            workflows.insert(publication.uuid(), workflow);
            row.state = CourseState::Publishing;
            at
        }
        Event::CoursePublished { publication, at, .. } => {
            row.state = CourseState::Published;
            row.published_at = Some(at);
            if let Some(workflow) = workflows.get_mut(&publication.uuid()) {
                workflow.state = WorkflowState::Completed;
                workflow.changed_at = at;
            }
            at
        }
        Event::PublicationFailed { publication, reason, at, .. } => {
            // An archived course stays that.
            if row.state == CourseState::Publishing {
                row.state = CourseState::Draft;
            }
            if let Some(workflow) = workflows.get_mut(&publication.uuid()) {
                workflow.state = WorkflowState::Failed;
                workflow.reason = Some(reason.into());
                workflow.changed_at = at;
            }
            at
        }
        Event::CourseArchived { at, .. } => {
            row.state = CourseState::Archived;
            at
        }
    };
    for (place, lesson) in (1..).zip(lessons.iter_mut()) {
        lesson.place = place;
    }
    Ok(())
}

fn describe(row: &mut CourseRow, details: Details) {
    row.title = details.title.into();
    row.description = details.description.map(String::from);
    row.level = details.level;
    row.skills = details.skills.iter().map(ToString::to_string).collect();
    row.seats = details.seats.map(u32::from);
}

/// Its place is set after each event.
fn lesson_row(course: Uuid, lesson: Uuid, details: &LessonDetails) -> LessonRow {
    LessonRow {
        course,
        lesson,
        place: 0,
        title: details.title.to_string(),
        minutes: details.minutes.map(u16::from),
    }
}

fn body(details: LessonDetails) -> String {
    details.text.map(String::from).unwrap_or_default()
}

fn index(position: u32) -> usize {
    usize::try_from(position.saturating_sub(1)).unwrap_or(usize::MAX)
}
