//! Courses, their lessons and their publication.

mod lessons;

use axum::extract::State;
use axum::http::StatusCode;
use domain::course::{
    Command, Course, Details, LessonDetails, LessonRevision, Level, Refusal, Revision, Seats,
};
use domain::{AccountId, CourseId, LessonId, Patch, PublicationId, Tags, Text, Title};
use eventstore::{Context, Log, Receipt};
use serde::Deserialize;
use service_kit::{
    Accepted, BASE, Instructor, Json, Only, OrRefuse, Path, Problem, ReceiptBody, schema,
};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(post))
        .routes(routes!(patch, delete))
        .routes(routes!(post_publication))
        .merge(lessons::routes())
}

pub async fn create(
    log: &Log,
    context: &Context,
    by: AccountId,
    course: CourseId,
    details: Details,
) -> Result<Receipt, Problem> {
    let command = Command::Create { course, by, details: Box::new(details), at: context.now };
    execute(log, context, course, command).await
}

pub async fn revise(
    log: &Log,
    context: &Context,
    by: AccountId,
    course: CourseId,
    revision: Revision,
) -> Result<Receipt, Problem> {
    let command = Command::Revise { course, by, revision: Box::new(revision), at: context.now };
    execute(log, context, course, command).await
}

/// In `position`, from 1, or last.
pub async fn add_lesson(
    log: &Log,
    context: &Context,
    by: AccountId,
    (course, lesson): (CourseId, LessonId),
    details: LessonDetails,
    position: Option<u32>,
) -> Result<Receipt, Problem> {
    let (details, at) = (Box::new(details), context.now);
    let command = Command::AddLesson { course, by, lesson, details, position, at };
    execute(log, context, course, command).await
}

/// Also moves the lesson, when the revision has a position.
pub async fn revise_lesson(
    log: &Log,
    context: &Context,
    by: AccountId,
    (course, lesson): (CourseId, LessonId),
    revision: LessonRevision,
) -> Result<Receipt, Problem> {
    let (revision, at) = (Box::new(revision), context.now);
    let command = Command::ReviseLesson { course, by, lesson, revision, at };
    execute(log, context, course, command).await
}

pub async fn remove_lesson(
    log: &Log,
    context: &Context,
    by: AccountId,
    (course, lesson): (CourseId, LessonId),
) -> Result<Receipt, Problem> {
    let command = Command::RemoveLesson { course, by, lesson, at: context.now };
    execute(log, context, course, command).await
}

/// The publication process does the rest.
pub async fn submit(
    log: &Log,
    context: &Context,
    by: AccountId,
    course: CourseId,
    publication: PublicationId,
) -> Result<Receipt, Problem> {
    let command = Command::SubmitForPublication { course, by, publication, at: context.now };
    execute(log, context, course, command).await
}

/// At once and without the process: for history that is brought in.
pub async fn publish(
    log: &Log,
    context: &Context,
    by: AccountId,
    course: CourseId,
    publication: PublicationId,
) -> Result<Receipt, Problem> {
    let command = Command::Publish { course, by, publication, at: context.now };
    execute(log, context, course, command).await
}

pub async fn archive(
    log: &Log,
    context: &Context,
    by: AccountId,
    course: CourseId,
) -> Result<Receipt, Problem> {
    let command = Command::Archive { course, by, at: context.now };
    execute(log, context, course, command).await
}

async fn execute(
    log: &Log,
    context: &Context,
    course: CourseId,
    command: Command,
) -> Result<Receipt, Problem> {
    log.execute::<Course>(course, command, context).await.or_refuse(refused)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateCourse {
    /// Chosen by the client if it wants to; else by us.
    #[schema(value_type = Option<Uuid>)]
    id: Option<CourseId>,
    #[schema(value_type = schema::Title)]
    title: Title,
    /// May come later, but without it the course cannot be published.
    #[schema(value_type = Option<schema::Text>)]
    description: Option<Text>,
    /// beginner, intermediate or advanced.
    #[schema(value_type = Option<schema::Level>)]
    level: Option<Level>,
    #[serde(default)]
    #[schema(value_type = schema::Tags)]
    skills: Tags,
    /// How many students at a time; without it, any number.
    #[schema(value_type = Option<schema::Seats>)]
    seats: Option<Seats>,
}

/// Create a course; who asks is its instructor.
#[utoipa::path(
    post, path = "/courses", tag = "courses", request_body = CreateCourse,
    security(("bearer" = ["instructor"])),
    responses((status = 201, description = "Created", body = ReceiptBody))
)]
async fn post(
    State(app): State<App>,
    caller: Only<Instructor>,
    Json(body): Json<CreateCourse>,
) -> Result<Accepted, Problem> {
    let CreateCourse { id, title, description, level, skills, seats } = body;
    let course = id.unwrap_or_else(|| Uuid::now_v7().into());
    let details = Details { title, description, level, skills, seats };
    let receipt = create(&app.log, caller.context(), caller.account, course, details).await?;
    let location = format!("{BASE}/courses/{}", receipt.stream.aggregate_id);
    Ok(Accepted::created(receipt, location))
}

/// Absent fields stay as they are; null removes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReviseCourse {
    #[schema(value_type = Option<schema::Title>)]
    title: Option<Title>,
    #[serde(default)]
    #[schema(value_type = Option<schema::Text>)]
    description: Patch<Text>,
    #[serde(default)]
    #[schema(value_type = Option<schema::Level>)]
    level: Patch<Level>,
    #[schema(value_type = Option<schema::Tags>)]
    skills: Option<Tags>,
    #[serde(default)]
    #[schema(value_type = Option<schema::Seats>)]
    seats: Patch<Seats>,
}

/// Change the named fields of a course. Fewer seats than students send nobody away.
#[utoipa::path(
    patch, path = "/courses/{id}", tag = "courses", request_body = ReviseCourse,
    params(("id" = Uuid, Path)),
    security(("bearer" = ["instructor"])),
    responses((status = 200, description = "Revised", body = ReceiptBody))
)]
async fn patch(
    State(app): State<App>,
    caller: Only<Instructor>,
    Path(id): Path<CourseId>,
    Json(body): Json<ReviseCourse>,
) -> Result<Accepted, Problem> {
    let ReviseCourse { title, description, level, skills, seats } = body;
    let revision = Revision { title, description, level, skills, seats };
    revise(&app.log, caller.context(), caller.account, id, revision).await.map(Accepted::done)
}

/// Archive a course: no new students, no changes.
#[utoipa::path(
    delete, path = "/courses/{id}", tag = "courses", params(("id" = Uuid, Path)),
    security(("bearer" = ["instructor"])),
    responses((status = 200, description = "Archived", body = ReceiptBody))
)]
async fn delete(
    State(app): State<App>,
    caller: Only<Instructor>,
    Path(id): Path<CourseId>,
) -> Result<Accepted, Problem> {
    archive(&app.log, caller.context(), caller.account, id).await.map(Accepted::done)
}

/// Submit a course for publication. `Location` tells how far that got; until it has ended, the
/// course does not change.
#[utoipa::path(
    post, path = "/courses/{id}/publication", tag = "courses", params(("id" = Uuid, Path)),
    security(("bearer" = ["instructor"])),
    responses((status = 202, description = "Requested", body = ReceiptBody))
)]
async fn post_publication(
    State(app): State<App>,
    caller: Only<Instructor>,
    Path(id): Path<CourseId>,
) -> Result<Accepted, Problem> {
    let publication = of_key(caller.account.uuid(), id, &caller.context().key);
    let receipt = submit(&app.log, caller.context(), caller.account, id, publication).await?;
    let location = format!("{BASE}/workflows/{publication}");
    Ok(Accepted::accepted(receipt, location).id(publication))
}

/// The receipt names the course, not the publication: a repeated request must find the same id anew.
fn of_key(account: Uuid, course: CourseId, key: &str) -> PublicationId {
    Uuid::new_v5(&account, format!("{course}:{key}").as_bytes()).into()
}

/// Of a course that is brought in: made of the course's id, so that bringing it in again says the
/// same.
pub fn publication_of(course: CourseId) -> PublicationId {
    Uuid::new_v5(&course.uuid(), b"publication").into()
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Unknown => Problem::not_found("course-unknown", refusal),
        Refusal::AlreadyCreated => Problem::conflict("course-exists", refusal),
        Refusal::NotTheInstructor => Problem::forbidden("not-the-instructor", refusal),
        Refusal::Archived => Problem::new(StatusCode::GONE, "course-archived", refusal),
        Refusal::AlreadyPublished => Problem::conflict("course-published", refusal),
        Refusal::Publishing => Problem::conflict("course-publishing", refusal),
        Refusal::NotUnderWay => Problem::conflict("publication-not-under-way", refusal),
        Refusal::NoDescription => Problem::conflict("course-without-description", refusal),
        Refusal::NoLesson => Problem::conflict("course-without-lesson", refusal),
        Refusal::UnknownLesson => Problem::not_found("lesson-unknown", refusal),
        Refusal::LessonExists => Problem::conflict("lesson-exists", refusal),
        Refusal::TooManyLessons => Problem::conflict("too-many-lessons", refusal),
        Refusal::NoSuchPosition { .. } => Problem::invalid("/position", refusal),
    }
}
