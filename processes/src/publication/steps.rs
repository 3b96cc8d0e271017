//! What is done to publish a course, step by step. Each can be done again, any number of times.

use std::time::Duration;

use domain::publication::Outcome;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::embed::embed;
use super::progress::Progress;
use super::{Work, text};
use crate::failure::{Failure, in_time};
use crate::reading::{Lesson, PASSAGES_MAX, cut};

/// How long one attempt waits for the read model, and how often it looks.
const INDEX_WAIT_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(25);

pub(super) struct Step {
    pub(super) name: &'static str,
    /// Knows which attempt it is.
    pub(super) run: for<'a> fn(&'a Work<'a>, u32) -> BoxFuture<'a, Result<Done, Failure>>,
}

/// What a step has done.
#[derive(Default)]
pub(super) struct Done {
    pub(super) outcome: Option<Outcome>,
    /// The course is published with its end.
    pub(super) publishes: bool,
}

/// In their order. Another one is another line: nothing else knows which there are.
pub(super) const STEPS: &[Step] = &[
    Step { name: "validate", run: |work, _| validate(work).boxed() },
    Step { name: "extract", run: |work, _| extract(work).boxed() },
    Step { name: "split", run: |work, _| split(work).boxed() },
    Step { name: "embed", run: |work, attempt| embed(work, attempt).boxed() },
    Step { name: "index", run: |work, _| index(work).boxed() },
    Step { name: "publish", run: |_, _| std::future::ready(Ok(PUBLISHES)).boxed() },
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

/// The plain text of the lessons and the text of their files, in which there must be something to
/// read.
async fn extract(work: &Work<'_>) -> Result<Done, Failure> {
    let lessons = work.lessons().await?;
    let files = lessons.iter().map(|lesson| lesson.files.len()).sum();
    let mut progress = Progress::new(work, "extract", files);
    let (mut readable, mut extracted) = (0, 0);
    for lesson in &lessons {
        let mut is_readable = !plain(lesson).is_empty();
        for file in &lesson.files {
            is_readable |= !work.reading.extract(work.log, lesson, file).await?.is_empty();
            extracted += 1;
            progress.reached(extracted).await?;
        }
        readable += u32::from(is_readable);
    }
    if readable == 0 {
        return Err(Failure::lasting("there is not a word in the lessons"));
    }
    let texts: Vec<String> = lessons.iter().map(plain).collect();
    let characters = texts.iter().map(|text| text.chars().count() as u64).sum();
    let sha256 = text::fingerprint(texts.iter().map(String::as_str));
    let files = u32::try_from(files).ok().filter(|files| *files > 0);
    Ok(Outcome::Extracted { lessons: readable, characters, sha256, files }.into())
}

async fn split(work: &Work<'_>) -> Result<Done, Failure> {
    let passages = work.passages().await?;
    let sha256 = text::fingerprint(passages.iter().map(String::as_str));
    let chunks = u32::try_from(passages.len()).unwrap_or(u32::MAX);
    Ok(Outcome::Split { chunks, sha256 }.into())
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
    let lessons = work.lessons().await?;
    let texts: Vec<(Uuid, String)> =
        lessons.iter().map(|lesson| (lesson.id.uuid(), plain(lesson))).collect();
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

/// Empty without any.
fn plain(lesson: &Lesson) -> String {
    lesson.body.as_ref().map(|body| text::plain(body.as_str())).unwrap_or_default()
}

impl Work<'_> {
    /// As they were submitted, with the files they have now.
    async fn lessons(&self) -> Result<Vec<Lesson>, Failure> {
        self.reading.lessons(self.log, self.course, &self.submitted().await?).await
    }

    /// Every passage as it is embedded, those of a lesson before those of its files. A file that was
    /// attached since the others were extracted is extracted now.
    pub(super) async fn passages(&self) -> Result<Vec<String>, Failure> {
        let mut all = Vec::new();
        for lesson in self.lessons().await? {
            let texts = self.reading.texts(self.log, &lesson).await;
            let texts = texts.into_iter().collect::<Result<_, _>>()?;
            all.extend(cut(lesson.title.clone(), texts).await?);
            if all.len() > PASSAGES_MAX {
                let reason = format!("the course has more text than {PASSAGES_MAX} passages");
                return Err(Failure::Lasting(reason));
            }
        }
        Ok(all)
    }
}
