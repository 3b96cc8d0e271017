//! How processes are doing: how far, at what, and step by step.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use processes::{Outcome, RequestError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::page::{Limit, Page, decode_cursor};
use service_kit::{Json, Path, Problem, Query, StreamBody};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{App, Asked};

/// How far a process is, and what is wrong.
#[derive(Debug, Serialize, ToSchema)]
struct ProcessHealth {
    name: String,
    /// Nothing is left to do at or before it, except what is parked.
    position: i64,
    /// The last position of the log.
    head: i64,
    lag_events: i64,
    /// How long the oldest event not yet dealt with has been in the log.
    lag_seconds: f64,
    /// Reactions under way.
    running: i32,
    /// Events that wait for a free hand.
    waiting: i32,
    /// Instances that wait for a repair.
    parked: i64,
    /// Some program runs it now.
    active: bool,
    /// Has work but finishes none.
    stalled: bool,
    moved_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum InstanceState {
    /// Waits for a repair.
    Parked,
    /// Is being worked on, and has been for a second or more.
    Running,
}

/// An instance that is not through with an event.
#[derive(Debug, Serialize, ToSchema)]
struct Instance {
    instance: String,
    state: InstanceState,
    /// Of the event that is reacted to.
    position: i64,
    aggregate_type: String,
    event_type: String,
    /// When it began, or was parked.
    since: DateTime<Utc>,
    /// Those that failed.
    attempts: i32,
    error: Option<String>,
    retry_at: Option<DateTime<Utc>>,
    /// Events of the instance that wait behind this one.
    behind: i64,
}

/// What an instance has done so far.
#[derive(Debug, Serialize, ToSchema)]
struct Steps {
    process: String,
    instance: String,
    /// In order of the events they follow from.
    reactions: Vec<Reaction>,
    /// There is more than fits.
    truncated: bool,
}

/// What followed from one event.
#[derive(Debug, Serialize, ToSchema)]
struct Reaction {
    position: i64,
    aggregate_type: String,
    event_type: String,
    recorded_at: DateTime<Utc>,
    /// `done`, `running`, `parked`, or `waiting`: behind one that is parked, or for a program
    state: String,
    /// Those that failed, unless it is done.
    attempts: Option<i32>,
    error: Option<String>,
    retry_at: Option<DateTime<Utc>>,
    /// In the order in which they were decided.
    steps: Vec<Step>,
}

/// One command of a process.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProcessStep)]
struct Step {
    step: String,
    at: DateTime<Utc>,
    /// Since the event that it follows from.
    after_seconds: f64,
    /// Whom it was for.
    stream: StreamBody,
    /// `recorded`, `unchanged` or `refused`
    #[schema(value_type = String)]
    outcome: Outcome,
    #[schema(value_type = Option<Object>)]
    refusal: Option<Value>,
    /// The last event that came of it.
    position: Option<i64>,
    event_type: Option<String>,
    /// As far as that event tells.
    attempt: Option<String>,
    error: Option<String>,
    retry_at: Option<String>,
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(instances)).routes(routes!(steps))
}

/// Every process that some program has run.
#[utoipa::path(
    get, path = "/operations/processes", tag = "operations",
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "How they are doing", body = Page<ProcessHealth>))
)]
async fn list(State(app): State<App>, asked: Asked) -> Result<Response, Problem> {
    let items = processes::status(app.pool()).await?.into_iter().map(health).collect();
    Ok(Page { items, next: None }.respond(&asked.uri))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    #[param(inline)]
    state: Option<InstanceState>,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

/// What a process is at, by position.
#[utoipa::path(
    get, path = "/operations/processes/{name}/instances", tag = "operations",
    params(("name" = String, Path), Params),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "What is parked, and what is under way",
        body = Page<Instance>))
)]
async fn instances(
    State(app): State<App>,
    asked: Asked,
    Path(name): Path<String>,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    known(&app, &name).await?;
    let after: Option<(i64, InstanceState)> = decode_cursor("instances", params.cursor.as_deref())?;
    let (state, after) = (params.state.map(InstanceState::of), after.map(|(at, s)| (at, s.of())));
    let rows = processes::instances(app.pool(), &name, state, after, params.limit.rows()).await?;
    let page = Page::of("instances", rows, params.limit, |row| (row.position, row.state));
    Ok(page.map(at_work).respond(&asked.uri))
}

/// What an instance has done so far, step by step.
#[utoipa::path(
    get, path = "/operations/processes/{name}/instances/{id}", tag = "operations",
    params(("name" = String, Path), ("id" = String, Path)),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "Its reactions and their steps", body = Steps))
)]
async fn steps(
    State(app): State<App>,
    _: Asked,
    Path((name, id)): Path<(String, String)>,
) -> Result<Json<Steps>, Problem> {
    known(&app, &name).await?;
    let found = processes::steps(app.pool(), &name, &id).await?;
    if found.reactions.is_empty() {
        let detail = format!("{name} has never had to do with it");
        return Err(Problem::not_found("instance-unknown", detail));
    }
    let processes::Steps { process, instance, reactions, truncated } = found;
    let reactions = reactions.into_iter().map(reaction).collect();
    Ok(Json(Steps { process, instance, reactions, truncated }))
}

async fn known(app: &App, name: &str) -> Result<(), Problem> {
    processes::known(app.pool(), name).await.map_err(|error| match error {
        RequestError::Database(error) => error.into(),
        unknown => Problem::not_found("process-unknown", unknown),
    })
}

impl InstanceState {
    const fn of(self) -> processes::InstanceState {
        match self {
            Self::Parked => processes::InstanceState::Parked,
            Self::Running => processes::InstanceState::Running,
        }
    }
}

fn health(status: processes::ProcessStatus) -> ProcessHealth {
    ProcessHealth {
        name: status.name,
        position: status.position,
        head: status.head,
        lag_events: status.lag_events,
        lag_seconds: status.lag_seconds,
        running: status.running,
        waiting: status.waiting,
        parked: status.parked,
        active: status.active,
        stalled: status.stalled,
        moved_at: status.moved_at,
    }
}

fn at_work(row: processes::Instance) -> Instance {
    Instance {
        instance: row.instance,
        state: match row.state {
            processes::InstanceState::Parked => InstanceState::Parked,
            processes::InstanceState::Running => InstanceState::Running,
        },
        position: row.position,
        aggregate_type: row.aggregate_type,
        event_type: row.event_type,
        since: row.since,
        attempts: row.attempts,
        error: row.error,
        retry_at: row.retry_at,
        behind: row.behind,
    }
}

fn reaction(row: processes::Reaction) -> Reaction {
    Reaction {
        position: row.position,
        aggregate_type: row.aggregate_type,
        event_type: row.event_type,
        recorded_at: row.recorded_at,
        state: row.state,
        attempts: row.attempts,
        error: row.error,
        retry_at: row.retry_at,
        steps: row.steps.into_iter().map(step).collect(),
    }
}

fn step(row: processes::Step) -> Step {
    Step {
        step: row.step,
        at: row.at,
        after_seconds: row.after_seconds,
        stream: StreamBody { r#type: row.aggregate_type, id: row.aggregate_id },
        outcome: row.outcome,
        refusal: row.refusal,
        position: row.position,
        event_type: row.event_type,
        attempt: row.attempt,
        error: row.error,
        retry_at: row.retry_at,
    }
}
