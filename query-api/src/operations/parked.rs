//! Events that were set aside, and which of them failed alike.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use projections::runtime::{self, RequestError};
use serde::{Deserialize, Serialize};
use service_kit::page::{Limit, Page, decode_cursor};
use service_kit::{Json, Path, Problem, Query};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::ShownEvent;
use crate::{App, Asked};

/// An event that a build could not apply, or that waits behind one.
#[derive(Debug, Serialize, ToSchema)]
struct Parked {
    id: i64,
    projection: String,
    version: i32,
    build: i32,
    position: i64,
    aggregate_type: String,
    aggregate_id: String,
    event_type: String,
    /// Absent if it only waits behind an earlier event of its stream.
    error: Option<String>,
    attempts: i32,
    parked_at: DateTime<Utc>,
    /// When it is tried again unasked; absent if it is not.
    due_at: Option<DateTime<Utc>>,
}

/// A parked event with what stands in the log.
#[derive(Debug, Serialize, ToSchema)]
struct ParkedWithEvent {
    #[serde(flatten)]
    parked: Parked,
    /// Personal values are sealed.
    event: ShownEvent,
}

/// Parked events of one projection that failed alike.
#[derive(Debug, Serialize, ToSchema)]
struct ParkedGroup {
    projection: String,
    group: String,
    /// What their errors have in common: numbers and ids are `#`.
    error: String,
    events: i64,
    oldest_position: i64,
    newest_position: i64,
    oldest_at: DateTime<Utc>,
    newest_at: DateTime<Utc>,
    /// When the first of them is tried again unasked; absent if none is.
    due_at: Option<DateTime<Utc>>,
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(groups)).routes(routes!(one))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    /// Of this projection only.
    projection: Option<String>,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

/// Events set aside, oldest first.
#[utoipa::path(
    get, path = "/operations/parked", tag = "operations", params(Params),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "Parked events", body = Page<Parked>))
)]
async fn list(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let after: Option<i64> = decode_cursor("parked", params.cursor.as_deref())?;
    let (after, rows) = (after.unwrap_or(0), params.limit.rows());
    let events = runtime::parked(app.pool(), params.projection.as_deref(), after, rows).await?;
    let page = Page::of("parked", events, params.limit, |event| event.id);
    Ok(page.map(set_aside).respond(&asked.uri))
}

/// Failed events, grouped by what their errors have in common.
#[utoipa::path(
    get, path = "/operations/parked/groups", tag = "operations", params(Params),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "What went wrong, by projection",
        body = Page<ParkedGroup>))
)]
async fn groups(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let after: Option<(String, String)> = decode_cursor("parked-groups", params.cursor.as_deref())?;
    let (of, rows) = (params.projection.as_deref(), params.limit.rows());
    let groups = runtime::parked_groups(app.pool(), of, after, rows).await?;
    let page = Page::of("parked-groups", groups, params.limit, |group| {
        (group.projection.clone(), group.group.clone())
    });
    Ok(page.map(alike).respond(&asked.uri))
}

/// A parked event and what is in it.
#[utoipa::path(
    get, path = "/operations/parked/{id}", tag = "operations", params(("id" = i64, Path)),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "The event as it is stored", body = ParkedWithEvent))
)]
async fn one(
    State(app): State<App>,
    _: Asked,
    Path(id): Path<i64>,
) -> Result<Json<ParkedWithEvent>, Problem> {
    let parked = runtime::parked_event(app.pool(), id).await.map_err(|error| match error {
        RequestError::Database(error) => error.into(),
        unknown => Problem::not_found("parked-unknown", unknown),
    })?;
    let position = parked.position;
    let events = app.reader().range(position - 1, position, 1).await?;
    let lost = || Problem::internal(format!("there is no event {position}"));
    let event = ShownEvent::of(events.first().ok_or_else(lost)?)?;
    Ok(Json(ParkedWithEvent { parked: set_aside(parked), event }))
}

fn set_aside(event: runtime::ParkedEvent) -> Parked {
    Parked {
        id: event.id,
        projection: event.projection,
        version: event.version,
        build: event.build,
        position: event.position,
        aggregate_type: event.aggregate_type,
        aggregate_id: event.aggregate_id,
        event_type: event.event_type,
        error: event.error,
        attempts: event.attempts,
        parked_at: event.parked_at,
        due_at: event.due_at,
    }
}

fn alike(group: runtime::ParkedGroup) -> ParkedGroup {
    ParkedGroup {
        projection: group.projection,
        group: group.group,
        error: group.error,
        events: group.events,
        oldest_position: group.oldest_position,
        newest_position: group.newest_position,
        oldest_at: group.oldest_at,
        newest_at: group.newest_at,
        due_at: group.due_at,
    }
}
