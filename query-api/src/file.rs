//! Files, and what is attached to what.

mod range;

use std::collections::HashMap;
use std::ops::Range;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, VARY,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::Role;
use domain::file::{MediaType, Sha256};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use service_kit::{Path, Problem, header, is_known};
use sqlx::{FromRow, PgConnection};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::item::PUBLIC_COURSE;
use crate::view::View;
use crate::{App, Asked, Reads};
use range::Part;

const READS: Reads = &["files", "courses", "enrollments"];

/// A year: what has this hash never changes.
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const PRIVATE: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(file))
}

/// Something attached to an item or a lesson.
#[derive(Debug, Clone, Serialize, Deserialize, FromRow, ToSchema)]
pub struct Attached {
    name: String,
    media_type: String,
    /// In bytes.
    size: i64,
    sha256: String,
    /// Where it is, below the site's address.
    url: String,
    attached_at: DateTime<Utc>,
}

const COLUMNS: &str =
    "name, media_type, size, sha256, '/api/v1/files/' || sha256 as url, attached_at";

/// What is attached to an item, by name: a column `files`, so that a page needs no second statement.
macro_rules! attached {
    ($kind:literal, $item:literal) => {
        concat!(
            "(select coalesce(json_agg(f order by f.name), '[]')
                from (select name, media_type, size, sha256, '/api/v1/files/' || sha256 as url,
                             attached_at
                        from readmodel.files where (item, kind) = (",
            $item,
            ", '",
            $kind,
            "')) f)
             as files"
        )
    };
}

pub(crate) use attached;

#[derive(FromRow)]
struct OfLesson {
    lesson: Uuid,
    #[sqlx(flatten)]
    file: Attached,
}

/// What is attached to the lessons of a course, by lesson and name.
pub async fn of_lessons(
    db: &mut PgConnection,
    course: Uuid,
) -> Result<HashMap<Uuid, Vec<Attached>>, Problem> {
    let files: Vec<OfLesson> = sqlx::query_as(&format!(
        "select lesson, {COLUMNS} from readmodel.files
          where (item, kind) = ($1, 'lesson') order by name",
    ))
    .bind(course)
    .fetch_all(db)
    .await?;
    let mut by_lesson = HashMap::<Uuid, Vec<Attached>>::new();
    for OfLesson { lesson, file } in files {
        by_lesson.entry(lesson).or_default().push(file);
    }
    Ok(by_lesson)
}

/// A column with the address of an item's uploaded cover; null without one.
macro_rules! uploaded_cover {
    ($kind:literal, $item:literal) => {
        concat!(
            "(select '/api/v1/files/' || f.sha256 from readmodel.files f where (f.item, f.kind) = (",
            $item, ", '", $kind, "') and f.is_cover order by f.position desc limit 1)"
        )
    };
}

pub(crate) use uploaded_cover;

/// What a hash is known as to whoever asks.
#[derive(FromRow)]
struct Known {
    name: String,
    media_type: String,
    size: i64,
    is_public: bool,
    is_theirs: bool,
}

/// The content of a file. What is attached to a book, a product or a published course is for
/// everybody; what is attached to a lesson for those who take the course, its instructor and operators.
#[utoipa::path(
    get, path = "/files/{sha256}", tag = "files", params(("sha256" = String, Path)), security(()),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 206, description = "The bytes of it that `Range` asks for"),
    )
)]
async fn file(
    State(app): State<App>,
    method: Method,
    asked: Asked,
    Path(sha256): Path<String>,
) -> Result<Response, Problem> {
    let sha256 = sha256.parse::<Sha256>().map_err(|e| Problem::invalid("/path/sha256", e))?;
    app.progress().reached(READS, asked.freshness).await?;
    let mut view = View::open(app.pool(), READS).await?;
    view.positions.must_have_passed(asked.freshness)?;
    let position = view.positions.lowest();
    let known = known(view.db(), &asked, &sha256).await?;
    drop(view);

    let size = u64::try_from(known.size).map_err(Problem::internal)?;
    let tag = format!("\"{sha256}\"");
    let (status, bytes) = if is_known(&asked.headers, &tag) {
        (StatusCode::NOT_MODIFIED, 0..0)
    } else {
        match range::asked(&asked.headers, &tag, size) {
            Part::Whole => (StatusCode::OK, 0..size),
            Part::Some(bytes) => (StatusCode::PARTIAL_CONTENT, bytes),
            Part::None => return Err(unsatisfiable(size)),
        }
    };
    let is_silent = method == Method::HEAD || status == StatusCode::NOT_MODIFIED;
    let body = if is_silent { Body::empty() } else { content(&app, &sha256, &bytes).await? };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let mut set = |name: HeaderName, value: HeaderValue| response.headers_mut().insert(name, value);
    set(header::PROJECTION_POSITION, position.into());
    set(CACHE_CONTROL, if known.is_public { PUBLIC } else { PRIVATE });
    set(VARY, HeaderValue::from_static("Authorization"));
    set(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    set(ETAG, HeaderValue::try_from(tag).map_err(Problem::internal)?);
    if status != StatusCode::NOT_MODIFIED {
        set(CONTENT_LENGTH, (bytes.end - bytes.start).into());
        for (name, value) in described(&known)? {
            set(name, value);
        }
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {}-{}/{size}", bytes.start, bytes.end - 1);
        set(CONTENT_RANGE, HeaderValue::try_from(range).map_err(Problem::internal)?);
    }
    Ok(response)
}

/// The best that whoever asks may know of it, as who attached it first called it: nobody can make it
/// something else by attaching the same bytes again.
async fn known(db: &mut PgConnection, asked: &Asked, sha256: &Sha256) -> Result<Known, Problem> {
    let known: Option<Known> = sqlx::query_as(&format!(
        "select f.name, f.media_type, f.size,
                f.lesson is null and (c.course is null or {PUBLIC_COURSE}) as is_public,
                $3 or coalesce(c.instructor = $2, false)
                   or (f.lesson is not null
                       and exists (select from readmodel.enrollments e
                                    where (e.student, e.course) = ($2, f.item)
                                      and e.state <> 'withdrawn')) as is_theirs
           from readmodel.files f
           left join readmodel.courses c on c.course = f.item and f.kind in ('course', 'lesson')
          where f.sha256 = $1
            and (f.lesson is null
                 or exists (select from readmodel.lessons l
                             where (l.course, l.lesson) = (f.item, f.lesson)))
          order by is_public desc, is_theirs desc, f.position limit 1",
    ))
    .bind(sha256.as_str())
    .bind(asked.account().map(|account| account.uuid()))
    .bind(asked.has(Role::Operator))
    .fetch_optional(db)
    .await?;
    match known {
        None => Err(Problem::not_found("file-unknown", "nothing is attached that has this hash")),
        Some(known) if known.is_public || known.is_theirs => Ok(known),
        Some(_) => {
            asked.member()?;
            let detail = "this file is for those who take the course that it belongs to";
            Err(Problem::forbidden("not-enrolled", detail))
        }
    }
}

async fn content(app: &App, sha256: &Sha256, bytes: &Range<u64>) -> Result<Body, Problem> {
    match app.blobs().open(sha256, bytes.clone()).await {
        Ok(Some(content)) => Ok(Body::from_stream(content)),
        Ok(None) => Err(Problem::internal(format!("the content of file {sha256} is not there"))),
        Err(error) => {
            tracing::error!(%error, "a file cannot be read: {error}");
            Err(Problem::busy("files-unavailable", "the file cannot be read at the moment"))
        }
    }
}

/// What it is, for the browser. What may have scripts is not opened in our origin, nor runs them.
fn described(known: &Known) -> Result<Vec<(HeaderName, HeaderValue)>, Problem> {
    let kind: MediaType = known.media_type.parse().map_err(Problem::internal)?;
    let charset = if kind.is_text() { "; charset=utf-8" } else { "" };
    let handling = if kind.may_have_scripts() { "attachment" } else { "inline" };
    let name = utf8_percent_encode(&known.name, NON_ALPHANUMERIC);
    let value = |text: String| HeaderValue::try_from(text).map_err(Problem::internal);
    let mut headers = vec![
        (CONTENT_TYPE, value(format!("{}{charset}", kind.name()))?),
        (CONTENT_DISPOSITION, value(format!("{handling}; filename*=UTF-8''{name}"))?),
    ];
    if kind.may_have_scripts() {
        let policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
        headers.push((CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)));
    }
    Ok(headers)
}

fn unsatisfiable(size: u64) -> Problem {
    let detail = format!("the file has {size} bytes");
    let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range-not-satisfiable", detail);
    match HeaderValue::try_from(format!("bytes */{size}")) {
        Ok(range) => problem.header(CONTENT_RANGE, range),
        Err(_) => problem,
    }
}
