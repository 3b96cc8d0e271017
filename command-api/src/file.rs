//! Files of books, courses, products and lessons.
//!
//! The content is stored before the event that names it. If the event is refused after all, or never
//! comes, content is left that nobody is led to; it does no harm.

mod routes;

use std::fmt::Display;

use axum::body::Bytes;
use axum::http::StatusCode;
use blobstore::{BlobError, Blobs, ReceiveError};
use domain::book::Book;
use domain::course::{Course, Status};
use domain::file::{Command, Content, FileName, Files, MediaType, Refusal, Size, Target};
use domain::product::Product;
use domain::{AccountId, CourseId, ItemId, ItemKind};
use eventstore::{Context, Decision, Facts, Log, Receipt};
use futures::Stream;
use service_kit::{OrRefuse, Problem, Undecided};

use crate::item;

pub(crate) use routes::routes;

/// Takes content in and keeps it, if it is what it is said to be.
pub async fn store(
    blobs: &Blobs,
    media_type: MediaType,
    bytes: impl Stream<Item = Result<Bytes, Problem>> + Send,
) -> Result<Content, Problem> {
    let received = blobs.receive(bytes).await.map_err(|error| match error {
        ReceiveError::Source(problem) => problem,
        ReceiveError::Store(error) => unstored(&error),
    })?;
    let size = Size::try_from(received.size).map_err(|error| Problem::invalid("", error))?;
    if !media_type.fits(&received.head) {
        return Err(unsupported(format!("the content is no {}", media_type.name())));
    }
    let content = Content { media_type, size, sha256: received.sha256.clone() };
    blobs.keep(received).await.map_err(|error| unstored(&error))?;
    Ok(content)
}

/// The content is stored already. Files of a course are for its instructor to attach.
pub async fn attach(
    log: &Log,
    context: &Context,
    by: AccountId,
    target: Target,
    (name, content): (FileName, Content),
) -> Result<Receipt, Problem> {
    let at = context.now;
    log.decide::<Files, _, _, Undecided<Refusal>>(context, |facts| {
        let (name, content) = (name.clone(), content.clone());
        async move {
            takes_files(&facts, target, by).await?;
            Ok(Decision::new(target, Command::Attach { target, name, content, at }))
        }
    })
    .await
    .or_refuse(refused)
}

/// Also from what has gone.
pub async fn remove(
    log: &Log,
    context: &Context,
    by: AccountId,
    target: Target,
    name: FileName,
) -> Result<Receipt, Problem> {
    let at = context.now;
    log.decide::<Files, _, _, Undecided<Refusal>>(context, |facts| {
        let name = name.clone();
        async move {
            if let Some(course) = target.course() {
                taught(&facts, course, by).await?;
            }
            Ok(Decision::new(target, Command::Remove { target, name, at }))
        }
    })
    .await
    .or_refuse(refused)
}

/// Whether files can be attached now. A draft takes them, so that it is complete when it is published.
async fn takes_files<R>(facts: &Facts, target: Target, by: AccountId) -> Result<(), Undecided<R>> {
    let ItemId { kind, id } = target.item();
    let is_there = match kind {
        ItemKind::Book => facts.load::<Book>(id).await?.state.is_listed(),
        ItemKind::Product => facts.load::<Product>(id).await?.state.is_on_sale(),
        ItemKind::Course => {
            let course = taught(facts, id.into(), by).await?;
            if course.status() == Some(Status::Archived) {
                let detail = "this course has been archived";
                return Err(Problem::new(StatusCode::GONE, "course-archived", detail).into());
            }
            if target.lesson().is_some_and(|lesson| !course.lessons().contains(&lesson)) {
                let detail = "the course has no such lesson";
                return Err(Problem::not_found("lesson-unknown", detail).into());
            }
            true
        }
    };
    if is_there { Ok(()) } else { Err(item::unknown(target.item()).into()) }
}

/// The course, if it is there and theirs.
async fn taught<R>(facts: &Facts, course: CourseId, by: AccountId) -> Result<Course, Undecided<R>> {
    let course = facts.load::<Course>(course).await?.state;
    must_teach(&course, by)?;
    Ok(course)
}

fn must_teach(course: &Course, by: AccountId) -> Result<(), Problem> {
    match course.instructor() {
        None => Err(Problem::not_found("course-unknown", "there is no such course")),
        Some(instructor) if instructor != by => {
            let detail = "only its instructor changes a course";
            Err(Problem::forbidden("not-the-instructor", detail))
        }
        Some(_) => Ok(()),
    }
}

fn unsupported(detail: impl Display) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
}

/// Logged here; whoever uploads can try again.
fn unstored(error: &BlobError) -> Problem {
    tracing::error!(%error, "a file was not stored: {error}");
    Problem::busy("files-unavailable", "the file cannot be stored at the moment")
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Unknown => Problem::not_found("file-unknown", refusal),
        Refusal::TooMany => Problem::conflict("too-many-files", refusal),
    }
}
