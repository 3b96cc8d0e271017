//! Comparisons with a fresh build that were asked for, and what came of them.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use projections::runtime::{self, RequestError, VerificationState};
use serde::Serialize;
use serde_json::Value;
use service_kit::page::{Page, Paging, decode_cursor};
use service_kit::{Json, Path, Problem, Query};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{App, Asked};

/// A comparison that was asked for.
#[derive(Debug, Serialize, ToSchema)]
struct Verification {
    /// The position of the request.
    id: i64,
    projection: String,
    /// `waiting`, `running`, `done`, or `failed`: nothing could be compared.
    #[schema(value_type = String)]
    state: VerificationState,
    requested_by: String,
    requested_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    attempts: i32,
    /// Whether the rows are `equal`, as of which `position`, and for each of the `tables` how many
    /// rows only one side has.
    #[schema(value_type = Option<Object>)]
    report: Option<Value>,
    /// Why nothing could be compared, at least not yet.
    error: Option<String>,
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one))
}

/// What was asked of a projection, the newest first.
#[utoipa::path(
    get, path = "/operations/projections/{name}/verifications", tag = "operations",
    params(("name" = String, Path), Paging),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "Comparisons", body = Page<Verification>))
)]
async fn list(
    State(app): State<App>,
    asked: Asked,
    Path(name): Path<String>,
    Query(params): Query<Paging>,
) -> Result<Response, Problem> {
    known(&app, &name).await?;
    let before: Option<i64> = decode_cursor("verifications", params.cursor.as_deref())?;
    let rows = runtime::verifications(app.pool(), &name, before, params.limit.rows()).await?;
    let page = Page::of("verifications", rows, params.limit, |row| row.id);
    Ok(page.map(asked_for).respond(&asked.uri))
}

/// One comparison.
#[utoipa::path(
    get, path = "/operations/projections/{name}/verifications/{id}", tag = "operations",
    params(("name" = String, Path), ("id" = i64, Path)),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "How far it is, or what came of it",
        body = Verification))
)]
async fn one(
    State(app): State<App>,
    _: Asked,
    Path((name, id)): Path<(String, i64)>,
) -> Result<Json<Verification>, Problem> {
    known(&app, &name).await?;
    let found = runtime::verification(app.pool(), &name, id).await?;
    let unknown =
        || Problem::not_found("verification-unknown", format!("{id} asks for no verification"));
    found.map(|row| Json(asked_for(row))).ok_or_else(unknown)
}

async fn known(app: &App, name: &str) -> Result<(), Problem> {
    runtime::known(app.pool(), name).await.map_err(|error| match error {
        RequestError::Database(error) => error.into(),
        unknown => Problem::not_found("projection-unknown", unknown),
    })
}

fn asked_for(row: runtime::Verification) -> Verification {
    Verification {
        id: row.id,
        projection: row.projection,
        state: row.state,
        requested_by: row.requested_by,
        requested_at: row.requested_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        attempts: row.attempts,
        report: row.report,
        error: row.error,
    }
}
