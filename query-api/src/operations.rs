//! How the read models are doing, for operators. Not a read model itself: it must answer when they
//! do not.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use projections::runtime::{self, BuildState};
use serde::{Deserialize, Serialize};
use service_kit::page::{Limit, Page, decode_cursor};
use service_kit::{Problem, Query};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{App, Asked};

/// One build of a projection: what it shows, how far it is, what is wrong.
#[derive(Debug, Serialize, ToSchema)]
struct ProjectionHealth {
    name: String,
    version: i32,
    build: i32,
    /// `building` or `live`
    state: &'static str,
    /// The last position scanned.
    position: i64,
    /// The last position of the log.
    head: i64,
    lag_events: i64,
    /// How long the oldest event not yet scanned has been in the log.
    lag_seconds: f64,
    /// Positions per second while behind.
    rate: f64,
    seconds_left: Option<f64>,
    /// Events set aside.
    parked: i64,
    /// Some events are missing because they are parked.
    degraded: bool,
    /// Has work but makes no progress.
    stalled: bool,
    paused: bool,
    /// Shown, but fed by no program that runs now.
    stale: bool,
    /// Failed attempts since it last moved.
    retries: i32,
    error: Option<String>,
    created_at: DateTime<Utc>,
    moved_at: DateTime<Utc>,
    live_at: Option<DateTime<Utc>>,
}

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

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(parked))
}

/// Every live build, and every one under way.
#[utoipa::path(
    get, path = "/operations/projections", tag = "operations",
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "How they are doing", body = Page<ProjectionHealth>))
)]
async fn list(State(app): State<App>, asked: Asked) -> Result<Response, Problem> {
    let builds = runtime::status(app.pool()).await?;
    let items = builds.into_iter().map(health).collect();
    Ok(Page { items, next: None }.respond(&asked.uri))
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
async fn parked(
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

fn health(status: runtime::ProjectionStatus) -> ProjectionHealth {
    ProjectionHealth {
        name: status.name,
        version: status.version,
        build: status.build,
        state: match status.state {
            BuildState::Building => "building",
            BuildState::Live => "live",
            BuildState::Retired => "retired",
        },
        position: status.position,
        head: status.head,
        lag_events: status.lag_events,
        lag_seconds: status.lag_seconds,
        rate: status.rate,
        seconds_left: status.seconds_left,
        parked: status.parked,
        degraded: status.degraded,
        stalled: status.stalled,
        paused: status.paused,
        stale: status.stale,
        retries: status.retries,
        error: status.error,
        created_at: status.created_at,
        moved_at: status.moved_at,
        live_at: status.live_at,
    }
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
