//! Uploads.

use axum::extract::State;
use domain::course::Course;
use domain::file::{FileName, FileNameError, MediaType, Size, Target};
use domain::{CourseId, LessonId, Role};
use service_kit::{
    Accepted, BASE, Member, Only, Path, Problem, ReceiptBody, UPLOAD_BYTES_MAX, Upload,
};
use sha2::{Digest, Sha256};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{ContentBuilder, RefOr, Required};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;
use uuid::Uuid;

use super::{attach, must_teach, remove, store, unsupported};
use crate::{App, item};

const _: () = assert!(UPLOAD_BYTES_MAX as u64 == Size::BYTES_MAX);

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(uploading(routes!(put, delete)))
        .routes(uploading(routes!(put_of_lesson, delete_of_lesson)))
}

/// Attach a file, or replace it. An image called `cover`, with any extension, is the item's cover.
#[utoipa::path(
    put, path = "/{kind}/{id}/files/{name}", tag = "files",
    params(("kind" = String, Path, description = "books, courses or products"),
           ("id" = Uuid, Path), ("name" = String, Path)),
    security(("bearer" = ["instructor"]), ("bearer" = ["merchandiser"])),
    responses((status = 200, description = "Attached", body = ReceiptBody))
)]
async fn put(
    State(app): State<App>,
    caller: Only<Member>,
    Path((kind, id, name)): Path<(String, Uuid, String)>,
    upload: Upload,
) -> Result<Accepted, Problem> {
    take_in(&app, &caller, Target::Item(item::of_path(&kind, id)?), name, upload).await
}

/// Remove a file.
#[utoipa::path(
    delete, path = "/{kind}/{id}/files/{name}", tag = "files",
    params(("kind" = String, Path, description = "books, courses or products"),
           ("id" = Uuid, Path), ("name" = String, Path)),
    security(("bearer" = ["instructor"]), ("bearer" = ["merchandiser"])),
    responses((status = 200, description = "Removed", body = ReceiptBody))
)]
async fn delete(
    State(app): State<App>,
    caller: Only<Member>,
    Path((kind, id, name)): Path<(String, Uuid, String)>,
) -> Result<Accepted, Problem> {
    take_away(&app, &caller, Target::Item(item::of_path(&kind, id)?), name).await
}

/// Attach a file to a lesson, or replace it.
#[utoipa::path(
    put, path = "/courses/{id}/lessons/{lesson}/files/{name}", tag = "files",
    params(("id" = Uuid, Path), ("lesson" = Uuid, Path), ("name" = String, Path)),
    security(("bearer" = ["instructor"])),
    responses((status = 200, description = "Attached", body = ReceiptBody))
)]
async fn put_of_lesson(
    State(app): State<App>,
    caller: Only<Member>,
    Path((course, lesson, name)): Path<(CourseId, LessonId, String)>,
    upload: Upload,
) -> Result<Accepted, Problem> {
    take_in(&app, &caller, Target::Lesson { course, lesson }, name, upload).await
}

/// Remove a file of a lesson.
#[utoipa::path(
    delete, path = "/courses/{id}/lessons/{lesson}/files/{name}", tag = "files",
    params(("id" = Uuid, Path), ("lesson" = Uuid, Path), ("name" = String, Path)),
    security(("bearer" = ["instructor"])),
    responses((status = 200, description = "Removed", body = ReceiptBody))
)]
async fn delete_of_lesson(
    State(app): State<App>,
    caller: Only<Member>,
    Path((course, lesson, name)): Path<(CourseId, LessonId, String)>,
) -> Result<Accepted, Problem> {
    take_away(&app, &caller, Target::Lesson { course, lesson }, name).await
}

async fn take_in(
    app: &App,
    caller: &Only<Member>,
    target: Target,
    name: String,
    upload: Upload,
) -> Result<Accepted, Problem> {
    require_role(caller, target)?;
    let name = named(&name)?;
    // Asked once more when the command is decided; nobody's bytes are taken in for nothing.
    if let Some(course) = target.course() {
        must_teach(&app.log.load::<Course>(course).await?.state, caller.account)?;
    }
    let media_type = upload.content_type().parse::<MediaType>().map_err(unsupported)?;
    let content = store(&app.blobs, media_type, upload.bytes()).await?;

    // The frame knew no body: what its key stands for is the content too.
    let mut context = caller.context().clone();
    let hash = Sha256::new_with_prefix(&context.fingerprint)
        .chain_update(content.sha256.as_str())
        .chain_update(media_type.name());
    context.fingerprint = hash.finalize().to_vec();
    let sha256 = content.sha256.to_string();
    let receipt = attach(&app.log, &context, caller.account, target, (name, content)).await?;
    let url = format!("{BASE}/files/{sha256}");
    Ok(Accepted::done(receipt).with("sha256", sha256).with("url", url))
}

async fn take_away(
    app: &App,
    caller: &Only<Member>,
    target: Target,
    name: String,
) -> Result<Accepted, Problem> {
    require_role(caller, target)?;
    let name = named(&name)?;
    remove(&app.log, caller.context(), caller.account, target, name).await.map(Accepted::done)
}

fn named(name: &str) -> Result<FileName, Problem> {
    name.parse().map_err(|error: FileNameError| Problem::invalid("/path/name", error))
}

fn require_role(caller: &Only<Member>, target: Target) -> Result<(), Problem> {
    let role = if target.course().is_some() { Role::Instructor } else { Role::Merchandiser };
    caller.require(role).map(drop)
}

/// Describes the body of the uploads among these routes: the types there are, and no others.
fn uploading((schemas, mut paths, methods): UtoipaMethodRouter<App>) -> UtoipaMethodRouter<App> {
    let bytes = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
        .build();
    let content = ContentBuilder::new().schema(Some(bytes)).build();
    let described = format!("The file, {UPLOAD_BYTES_MAX} bytes at most");
    let body =
        RequestBodyBuilder::new().description(Some(described)).required(Some(Required::True));
    let body = MediaType::ALL
        .into_iter()
        .fold(body, |body, kind| body.content(kind.name(), content.clone()))
        .build();
    for put in paths.paths.values_mut().filter_map(|item| item.put.as_mut()) {
        put.request_body = Some(RefOr::T(body.clone()));
    }
    (schemas, paths, methods)
}
