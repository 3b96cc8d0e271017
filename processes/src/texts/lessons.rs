//! What the lessons of a course say, and the files attached to them.

use retrieval::passages;
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use crate::reading::PASSAGES_MAX;

/// Lessons and files that are in memory at once: a file may have 4 MB of text.
const TEXTS_AT_ONCE: i64 = 10;

/// A course being read, some passages at a time, in the order of its lessons.
///
/// Whoever reads while the lessons change may miss one: the course is news again then.
pub(super) struct Lessons {
    course: Uuid,
    /// Where the last one stood that was read.
    after: (i32, String),
    left: usize,
}

#[derive(FromRow)]
struct Told {
    place: i32,
    /// Of the file; empty: the lesson itself.
    name: String,
    title: String,
    text: String,
}

impl Lessons {
    pub(super) const fn of(course: Uuid) -> Self {
        Self { course, after: (i32::MIN, String::new()), left: PASSAGES_MAX }
    }

    /// The next passages as they are embedded; none at the end.
    pub(super) async fn next(&mut self, pool: &PgPool) -> Result<Option<Vec<String>>, sqlx::Error> {
        let told: Vec<Told> = sqlx::query_as(
            "select place, name, title, text from (
                 select place, '' as name, title, body as text from readmodel.lessons
                  where course = $1 and body <> ''
                 union all
                 select l.place, f.name, l.title, e.text
                   from readmodel.lessons l
                   join readmodel.files f on (f.item, f.lesson) = (l.course, l.lesson)
                   join processes.extracts e on e.file = f.sha256
                  where l.course = $1) told
              where (place, name) > ($2, $3) order by place, name limit $4",
        )
        .bind(self.course)
        .bind(self.after.0)
        .bind(&self.after.1)
        .bind(TEXTS_AT_ONCE)
        .fetch_all(pool)
        .await?;
        let Some(last) = told.last() else { return Ok(None) };
        self.after = (last.place, last.name.clone());
        let mut found: Vec<String> = told
            .iter()
            .flat_map(|Told { title, text, .. }| {
                passages(text).into_iter().map(move |passage| passage.embedded(title))
            })
            .collect();
        if found.len() > self.left {
            let course = self.course;
            tracing::warn!(
                course.id = %course,
                "course {course} has more than {PASSAGES_MAX} passages: what comes after them is not \
                 found by its meaning"
            );
            found.truncate(self.left);
            self.after.0 = i32::MAX;
        }
        self.left -= found.len();
        Ok(Some(found))
    }
}
