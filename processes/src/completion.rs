//! Completes a course for those who have all the lessons that are left when one is taken out of it.
//!
//! With the last lesson, or on coming back, students complete a course by themselves. Only here does
//! somebody else make them: who they are is known by the seats they hold.

use async_trait::async_trait;
use cqrs_es::Aggregate;
use domain::CourseId;
use domain::course::Course;
use domain::enrollment::{Command, CourseFacts, Enrollment, EnrollmentId, Refusal};
use eventstore::{Decision, ExecuteError, Log, RecordedEvent};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;

use crate::cause::Cause;
use crate::failure::{Failure, answer};
use crate::process::Process;

/// Students looked up at a time, and of these decided about at a time.
const STUDENTS_PAGE: i64 = 500;
const DECISIONS_MAX: usize = 16;

pub(crate) struct Completions;

#[derive(Debug, Deserialize)]
struct LessonRemoved {
    course: CourseId,
}

#[async_trait]
impl Process for Completions {
    fn name(&self) -> &'static str {
        "completions"
    }

    fn reacts_to(&self, event: &RecordedEvent) -> bool {
        (&*event.stream.aggregate_type, &*event.event_type) == (Course::TYPE, "LessonRemoved")
    }

    async fn react(&self, log: &Log, cause: &Cause) -> Result<(), Failure> {
        let LessonRemoved { course } = cause.event.decode()?;
        let facts = CourseFacts::of(&log.load_anew::<Course>(course).await?.state);
        let mut after = String::new();
        loop {
            let seats = log.holders("seat", &course.to_string(), &after, STUDENTS_PAGE).await?;
            let Some(last) = seats.last().cloned() else { return Ok(()) };
            let decisions: Vec<_> =
                seats.iter().map(|seat| complete(log, cause, (course, &facts), seat)).collect();
            stream::iter(decisions).buffer_unordered(DECISIONS_MAX).try_collect::<()>().await?;
            after = last;
        }
    }
}

async fn complete(
    log: &Log,
    cause: &Cause,
    (course, facts): (CourseId, &CourseFacts),
    seat: &str,
) -> Result<(), Failure> {
    let student = seat.split_once(':').and_then(|(student, _)| student.parse().ok());
    let student = student.ok_or_else(|| Failure::lasting(format!("{seat} is no enrollment")))?;
    let enrollment = EnrollmentId { student, course };
    let context = cause.context(&format!("complete:{student}"));
    let (certificate, at) = (enrollment.certificate(), context.now);
    let command = |course| Command::Complete { enrollment, course, certificate, at };
    // Most have more to learn: they leave no answer behind.
    let known = log.load_anew::<Enrollment>(seat).await?.state;
    if known.decide(command(facts.clone())).is_ok_and(|events| events.is_empty()) {
        return Ok(());
    }
    let result = log
        .decide::<Enrollment, _, _, ExecuteError<Refusal>>(&context, |facts| async move {
            let course = CourseFacts::of(&facts.load::<Course>(course).await?.state);
            Ok(Decision::new(enrollment, command(course)))
        })
        .await;
    // Who has left meanwhile completes the course on coming back.
    answer(result).map(|_| ())
}
