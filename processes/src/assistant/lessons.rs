//! The passages of a course: of its lessons and of what is attached to them.

use domain::conversation::Citation;
use domain::{CourseId, Text};
use eventstore::Log;
use retrieval::passages;
use sqlx::FromRow;
use uuid::Uuid;

use super::source::Source;
use crate::failure::{Failure, in_time};

/// Of a larger course the lessons and files at the end are not looked at.
const TEXT_BYTES_MAX: i64 = 8 * 1024 * 1024;

#[derive(Debug, FromRow)]
struct Lesson {
    lesson: Uuid,
    title: String,
    /// Attached to it; none: the lesson itself.
    file: Option<String>,
    text: String,
    /// Bytes of all texts of the course.
    whole: i64,
}

/// In the order of the lessons.
pub(super) async fn of(log: &Log, course: CourseId) -> Result<Vec<Source>, Failure> {
    let lessons: Vec<Lesson> = in_time(
        sqlx::query_as(
            "with texts as (
                 select place, lesson, title, null as file, body as text
                   from readmodel.lessons where course = $1
                 union all
                 select place, l.lesson, title, f.name, e.text
                   from readmodel.lessons l
                   join readmodel.files f on (f.item, f.lesson) = (l.course, l.lesson)
                   join processes.extracts e on e.file = f.sha256
                  where l.course = $1),
             sized as (
                 select *, sum(octet_length(text)) over (order by place, file nulls first) as size,
                        sum(octet_length(text)) over () as whole
                   from texts)
             select lesson, title, file, text, whole from sized
              where size <= $2 order by place, file nulls first",
        )
        .bind(course.uuid())
        .bind(TEXT_BYTES_MAX)
        .fetch_all(log.pool()),
    )
    .await?;
    if lessons.first().is_some_and(|lesson| lesson.whole > TEXT_BYTES_MAX) {
        tracing::warn!(
            course.id = %course,
            "questions about course {course} are answered from its first {TEXT_BYTES_MAX} bytes"
        );
    }
    let cut = move || lessons.iter().flat_map(sources).collect();
    tokio::task::spawn_blocking(cut).await.map_err(Failure::passing)
}

/// What of a lesson can be quoted; a passage that cannot be stored is left out.
fn sources(lesson: &Lesson) -> Vec<Source> {
    let Ok(title) = lesson.title.parse() else { return Vec::new() };
    let title: domain::Title = title;
    let found = passages(&lesson.text).into_iter().filter_map(|passage| {
        let quote: Text = passage.text.parse().ok()?;
        let headings = passage.headings.iter().filter_map(|heading| heading.parse().ok());
        Some(Source {
            embedded: passage.embedded(title.as_str()),
            quote: quote.to_string(),
            citation: Citation::Lesson {
                lesson: lesson.lesson.into(),
                title: title.clone(),
                headings: headings.collect(),
                file: lesson.file.as_ref().and_then(|name| name.parse().ok()),
                quote,
            },
        })
    });
    found.collect()
}
