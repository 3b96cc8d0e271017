//! One stream: its history, its state at any moment, what changed between two.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use eventstore::StreamId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::page::{Limit, Page, decode_cursor};
use service_kit::{Json, Path, Problem, Query, StreamBody};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auditing::{Auditing, Reason};
use super::diff::{Change, changes};
use super::replayed::{Replayed, Until, unknown};
use super::shown::{ShownEvent, reveal, shown, stream_body};
use crate::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(history)).routes(routes!(state)).routes(routes!(diff))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct HistoryParams {
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
    /// Why personal values must be seen; recorded
    #[param(value_type = Option<String>)]
    reveal: Option<Reason>,
}

#[utoipa::path(
    get, path = "/audit/streams/{type}/{id}", tag = "audit",
    params(("type" = String, Path), ("id" = String, Path), HistoryParams),
    security(("bearer" = ["auditor"])),
    responses((status = 200, description = "Its events, oldest first", body = Page<ShownEvent>))
)]
async fn history(
    State(app): State<App>,
    auditing: Auditing,
    Path((aggregate_type, id)): Path<(String, String)>,
    Query(params): Query<HistoryParams>,
) -> Result<Response, Problem> {
    let stream = StreamId::new(aggregate_type, id);
    let after: Option<i64> = decode_cursor("audit-stream", params.cursor.as_deref())?;
    let events = app.reader().stream(&stream, after.unwrap_or(0), params.limit.rows()).await?;
    if events.is_empty() && after.is_none() {
        return Err(unknown(&stream));
    }
    let page = Page::of("audit-stream", events, params.limit, |event| event.sequence);
    let items = shown(&app, &auditing, &page.items, params.reveal.as_ref()).await?;
    Ok(Page { items, next: page.next }.respond(&auditing.uri))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct StateParams {
    /// After this many events
    sequence: Option<i64>,
    /// At this time, as recorded
    at: Option<DateTime<Utc>>,
    /// Why personal values must be seen; recorded
    #[param(value_type = Option<String>)]
    reveal: Option<Reason>,
}

/// An aggregate as it was.
#[derive(Debug, Serialize, ToSchema)]
struct StateBody {
    stream: StreamBody,
    /// How many events made it; 0 before the first.
    sequence: i64,
    /// Of the last of them.
    position: Option<i64>,
    recorded_at: Option<DateTime<Utc>>,
    #[schema(value_type = Option<Object>)]
    state: Value,
}

#[utoipa::path(
    get, path = "/audit/streams/{type}/{id}/state", tag = "audit",
    params(("type" = String, Path), ("id" = String, Path), StateParams),
    security(("bearer" = ["auditor"])),
    responses((status = 200, description = "Its state then, or now", body = StateBody))
)]
async fn state(
    State(app): State<App>,
    auditing: Auditing,
    Path((aggregate_type, id)): Path<(String, String)>,
    Query(params): Query<StateParams>,
) -> Result<Json<StateBody>, Problem> {
    let stream = StreamId::new(aggregate_type, id);
    let until = Until { sequence: params.sequence, at: params.at };
    let replayed = Replayed::until(&app.reader(), stream, until).await?;
    let mut states = [replayed.state()?];
    if let Some(reason) = &params.reveal {
        reveal(&app, &auditing, &mut states, reason).await?;
    }
    let [state] = states;
    let Replayed { stream, events } = replayed;
    Ok(Json(StateBody {
        stream: stream_body(&stream),
        sequence: events.len() as i64,
        position: events.last().map(|event| event.position),
        recorded_at: events.last().map(|event| event.recorded_at),
        state,
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct DiffParams {
    /// A sequence [default: the one before `to`]
    from: Option<i64>,
    /// A sequence [default: the last one]
    to: Option<i64>,
    /// Why personal values must be seen; recorded
    #[param(value_type = Option<String>)]
    reveal: Option<Reason>,
}

/// What some events changed.
#[derive(Debug, Serialize, ToSchema)]
struct DiffBody {
    stream: StreamBody,
    from: i64,
    to: i64,
    changes: Vec<Change>,
}

#[utoipa::path(
    get, path = "/audit/streams/{type}/{id}/diff", tag = "audit",
    params(("type" = String, Path), ("id" = String, Path), DiffParams),
    security(("bearer" = ["auditor"])),
    responses((status = 200, description = "What changed between two sequences", body = DiffBody))
)]
async fn diff(
    State(app): State<App>,
    auditing: Auditing,
    Path((aggregate_type, id)): Path<(String, String)>,
    Query(params): Query<DiffParams>,
) -> Result<Json<DiffBody>, Problem> {
    let stream = StreamId::new(aggregate_type, id);
    let replayed = Replayed::whole(&app.reader(), stream).await?;
    let to = params.to.unwrap_or(replayed.events.len() as i64);
    let to = replayed.place("/query/to", to)?;
    let from = params.from.unwrap_or((to as i64 - 1).max(0));
    let from = replayed.place("/query/from", from)?;
    let mut states = [replayed.state_after(from)?, replayed.state_after(to)?];
    if let Some(reason) = &params.reveal {
        reveal(&app, &auditing, &mut states, reason).await?;
    }
    let changes = changes(&states[0], &states[1]);
    let stream = stream_body(&replayed.stream);
    Ok(Json(DiffBody { stream, from: from as i64, to: to as i64, changes }))
}
