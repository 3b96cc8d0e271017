//! The lessons of a course over HTTP.

use axum::extract::State;
use domain::course::{LessonDetails, LessonRevision, Minutes};
use domain::{CourseId, LessonId, Markdown, Patch, Title};
use serde::Deserialize;
use service_kit::{Accepted, BASE, Instructor, Json, Only, Path, Problem, ReceiptBody, schema};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{add_lesson, remove_lesson, revise_lesson};
use crate::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(post_lesson)).routes(routes!(patch_lesson, delete_lesson))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddLesson {
    /// Chosen by the client if it wants to; else by us.
    #[schema(value_type = Option<Uuid>)]
    id: Option<LessonId>,
    #[schema(value_type = schema::Title)]
    title: Title,
    /// Markdown.
    #[schema(value_type = Option<schema::Markdown>)]
    text: Option<Markdown>,
    #[schema(value_type = Option<schema::Minutes>)]
    minutes: Option<Minutes>,
    /// From 1; without it, last.
    #[schema(minimum = 0, maximum = 4_294_967_295i64)]
    position: Option<u32>,
}

/// Add a lesson to a course.
#[utoipa::path(
    post, path = "/courses/{id}/lessons", tag = "courses", request_body = AddLesson,
    params(("id" = Uuid, Path)),
    security(("bearer" = ["instructor"])),
    responses((status = 201, description = "Added", body = ReceiptBody))
)]
async fn post_lesson(
    State(app): State<App>,
    caller: Only<Instructor>,
    Path(course): Path<CourseId>,
    Json(body): Json<AddLesson>,
) -> Result<Accepted, Problem> {
    let AddLesson { id, title, text, minutes, position } = body;
    let lesson = id.unwrap_or_else(|| of_key(caller.account.uuid(), &caller.context().key));
    let details = LessonDetails { title, text, minutes };
    let (log, context) = (&app.log, caller.context());
    let at = (course, lesson);
    let receipt = add_lesson(log, context, caller.account, at, details, position).await?;
    let location = format!("{BASE}/courses/{course}/lessons/{lesson}");
    Ok(Accepted::created(receipt, location).id(lesson))
}

/// The receipt names the course, not the lesson: a repeated request must find the same id anew.
fn of_key(account: Uuid, key: &str) -> LessonId {
    Uuid::new_v5(&account, key.as_bytes()).into()
}

/// Absent fields stay as they are; null removes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReviseLesson {
    #[schema(value_type = Option<schema::Title>)]
    title: Option<Title>,
    #[serde(default)]
    #[schema(value_type = Option<schema::Markdown>)]
    text: Patch<Markdown>,
    #[serde(default)]
    #[schema(value_type = Option<schema::Minutes>)]
    minutes: Patch<Minutes>,
    #[schema(minimum = 0, maximum = 4_294_967_295i64)]
    position: Option<u32>,
}

/// Change the named fields of a lesson, or its place.
#[utoipa::path(
    patch, path = "/courses/{id}/lessons/{lesson}", tag = "courses", request_body = ReviseLesson,
    params(("id" = Uuid, Path), ("lesson" = Uuid, Path)),
    security(("bearer" = ["instructor"])),
    responses((status = 200, description = "Revised", body = ReceiptBody))
)]
async fn patch_lesson(
    State(app): State<App>,
    caller: Only<Instructor>,
    Path(lesson): Path<(CourseId, LessonId)>,
    Json(body): Json<ReviseLesson>,
) -> Result<Accepted, Problem> {
    let ReviseLesson { title, text, minutes, position } = body;
    let revision = LessonRevision { title, text, minutes, position };
    revise_lesson(&app.log, caller.context(), caller.account, lesson, revision)
        .await
        .map(Accepted::done)
}

/// Remove a lesson.
#[utoipa::path(
    delete, path = "/courses/{id}/lessons/{lesson}", tag = "courses",
    params(("id" = Uuid, Path), ("lesson" = Uuid, Path)),
    security(("bearer" = ["instructor"])),
    responses((status = 200, description = "Removed", body = ReceiptBody))
)]
async fn delete_lesson(
    State(app): State<App>,
    caller: Only<Instructor>,
    Path(lesson): Path<(CourseId, LessonId)>,
) -> Result<Accepted, Problem> {
    remove_lesson(&app.log, caller.context(), caller.account, lesson).await.map(Accepted::done)
}
