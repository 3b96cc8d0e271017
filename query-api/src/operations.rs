//! How the read models and the processes are doing, for operators. Not read models themselves: they
//! must answer when those do not.

mod parked;
mod process;
mod verification;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use projections::runtime::{self, BuildState};
use serde::Serialize;
use service_kit::Problem;
use service_kit::page::Page;
use utoipa::ToSchema;
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

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .merge(parked::routes())
        .merge(process::routes())
        .merge(verification::routes())
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
