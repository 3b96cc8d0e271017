//! What is done to publish a course, step by step. Each can be done again, any number of times.

use std::time::Duration;

use domain::publication::Outcome;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{Work, text};
use crate::failure::{Failure, in_time};

/// How long one attempt waits for the read model, and how often it looks.
const INDEX_WAIT_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(25);

pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) run: for<'a> fn(&'a Work<'a>) -> BoxFuture<'a, Result<Done, Failure>>,
}

/// What a step has done.
#[derive(Default)]
pub(super) struct Done {
    pub(super) outcome: Option<Outcome>,
    /// The course is published with its end.
    pub(super) publishes: bool,
}

/// In their order. Another one is another line: nothing else knows which there are. (The chunks are
/// not embedded as long as there is no model to do it.)
pub(super) const STEPS: &[Step] = &[
    Step { name: "validate", run: |work| validate(work).boxed() },
    Step { name: "extract", run: |work| extract(work).boxed() },
    Step { name: "split", run: |work| split(work).boxed() },
    Step { name: "index", run: |work| index(work).boxed() },
    Step { name: "publish", run: |_| std::future::ready(Ok(PUBLISHES)).boxed() },
];

const PUBLISHES: Done = Done { outcome: None, publishes: true };

impl From<Outcome> for Done {
    fn from(outcome: Outcome) -> Self {
        Self { outcome: Some(outcome), publishes: false }
    }
}

/// The course still has what a published one must have.
async fn validate(work: &Work<'_>) -> Result<Done, Failure> {
    let course = work.submitted().await?;
    course.may_be_published(work.publication).map_err(Failure::lasting)?;
    Ok(Done::default())
}

/// The plain text of the lessons, in which there must be something to read.
async fn extract(work: &Work<'_>) -> Result<Done, Failure> {
    let texts = lessons(work).await?;
    let readable = texts.iter().filter(|(_, text)| !text.is_empty()).count();
    if readable == 0 {
        return Err(Failure::lasting("there is not a word in the lessons"));
    }
    let characters = texts.iter().map(|(_, text)| text.chars().count() as u64).sum();
    let sha256 = text::fingerprint(texts.iter().map(|(_, text)| &**text));
    Ok(Outcome::Extracted { lessons: readable as u32, characters, sha256 }.into())
}

async fn split(work: &Work<'_>) -> Result<Done, Failure> {
    let course = work.submitted().await?;
    let markdown = course.texts().filter_map(|(_, markdown)| markdown);
    let chunks: Vec<String> =
        markdown.flat_map(|markdown| text::chunks(&text::pieces(markdown.as_str()))).collect();
    let sha256 = text::fingerprint(chunks.iter().map(String::as_str));
    Ok(Outcome::Split { chunks: chunks.len() as u32, sha256 }.into())
}

/// The read model that searches go to has the course as it was submitted, word by word: whoever is
/// told that it is published finds it.
async fn index(work: &Work<'_>) -> Result<Done, Failure> {
    let submitted = work.cause.event.sequence;
    let begun = Instant::now();
    let sequence = loop {
        let indexed = indexed(work).await?;
        if indexed >= submitted {
            break indexed;
        }
        if begun.elapsed() >= INDEX_WAIT_MAX {
            return Err(Failure::Passing(format!(
                "the full-text index is at event {indexed} of the course, not yet at {submitted}"
            )));
        }
        sleep(LOOK_EVERY).await;
    };
    let bodies: Vec<(Uuid, String)> = in_time(
        sqlx::query_as(
            "select lesson, body from readmodel.lessons where course = $1 order by place",
        )
        .bind(work.course.uuid())
        .fetch_all(work.log.pool()),
    )
    .await?;
    let found: Vec<(Uuid, String)> =
        bodies.into_iter().map(|(lesson, body)| (lesson, text::plain(&body))).collect();
    let texts = lessons(work).await?;
    if found != texts {
        return Err(Failure::passing("the full-text index has another text of the course"));
    }
    let sha256 = text::fingerprint(texts.iter().map(|(_, text)| &**text));
    Ok(Outcome::Indexed { sequence, sha256 }.into())
}

/// The event of the course that the read model is at; 0 before the first.
async fn indexed(work: &Work<'_>) -> Result<i64, Failure> {
    let sequence = sqlx::query_scalar("select sequence from readmodel.courses where course = $1")
        .bind(work.course.uuid())
        .fetch_optional(work.log.pool());
    Ok(in_time(sequence).await?.unwrap_or_default())
}

/// Each lesson with its plain text, empty without any.
async fn lessons(work: &Work<'_>) -> Result<Vec<(Uuid, String)>, Failure> {
    let course = work.submitted().await?;
    let text_of = |markdown: &domain::Markdown| text::plain(markdown.as_str());
    let lessons = course.texts();
    Ok(lessons
        .map(|(lesson, markdown)| (lesson.uuid(), markdown.map(text_of).unwrap_or_default()))
        .collect())
}
