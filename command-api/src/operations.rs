//! Operators look after projections and parked events.
//!
//! Each action is an event first; then the row that the workers look at follows from it, and
//! follows again when the command is repeated with its key.

use axum::extract::State;
use domain::projection::{Command, Projection, Refusal};
use domain::{Name, Text};
use eventstore::{Context, Log, Receipt};
use projections::runtime::{self, BuildKey, RequestError};
use serde::Deserialize;
use service_kit::{
    Accepted, Json, Only, Operator, OrRefuse, Path, Problem, Query, ReceiptBody, schema,
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;

/// Parked events tried again by one request.
const RETRIES_MAX: u32 = 1_000;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(post_rebuild))
        .routes(routes!(post_pause))
        .routes(routes!(post_resume))
        .routes(routes!(post_retry_all))
        .routes(routes!(post_retry))
        .routes(routes!(delete_parked))
}

/// Builds a projection anew beside the live one.
pub async fn rebuild(
    log: &Log,
    context: &Context,
    name: &str,
) -> Result<(Receipt, BuildKey), Problem> {
    let projection = known(log, name).await?;
    let command = Command::Rebuild { projection, at: context.now };
    let receipt = execute(log, context, name, command).await?;
    let build = runtime::rebuild_for(log.pool(), name, receipt.position).await.map_err(problem)?;
    Ok((receipt, build))
}

pub async fn pause(log: &Log, context: &Context, name: &str, by: &str) -> Result<Receipt, Problem> {
    let projection = known(log, name).await?;
    let command = Command::Pause { projection, at: context.now };
    let receipt = execute(log, context, name, command).await?;
    as_recorded(log, name, by).await?;
    Ok(receipt)
}

pub async fn resume(
    log: &Log,
    context: &Context,
    name: &str,
    by: &str,
) -> Result<Receipt, Problem> {
    let projection = known(log, name).await?;
    let command = Command::Resume { projection, at: context.now };
    let receipt = execute(log, context, name, command).await?;
    as_recorded(log, name, by).await?;
    Ok(receipt)
}

/// Not as this command said: an old one that is repeated must not undo what came after it.
async fn as_recorded(log: &Log, name: &str, by: &str) -> Result<(), Problem> {
    let projection = log.load::<Projection>(name).await?;
    let done = if projection.state.is_paused() {
        runtime::pause(log.pool(), name, by).await
    } else {
        runtime::resume(log.pool(), name).await
    };
    done.map_err(problem)
}

/// Tries up to `events` parked events of a projection again.
pub async fn retry_all(
    log: &Log,
    context: &Context,
    name: &str,
    events: u32,
) -> Result<(Receipt, i64), Problem> {
    let projection = known(log, name).await?;
    let first = runtime::oldest_parked(log.pool(), name).await.map_err(problem)?;
    let first = first.unwrap_or_default();
    let command = Command::RetryParked { projection, events, first, at: context.now };
    let receipt = execute(log, context, name, command).await?;
    let asked = runtime::retry_all(log.pool(), name, i64::from(events)).await;
    let (asked, _) = asked.map_err(problem)?;
    Ok((receipt, asked))
}

/// Tries a parked event again.
pub async fn retry(log: &Log, context: &Context, parked: i64) -> Result<Receipt, Problem> {
    let event = runtime::parked_event(log.pool(), parked).await.map_err(problem)?;
    let projection = known(log, &event.projection).await?;
    let first = event.position;
    let command = Command::RetryParked { projection, events: 1, first, at: context.now };
    let receipt = execute(log, context, &event.projection, command).await?;
    match runtime::retry(log.pool(), parked).await {
        // Tried meanwhile, with success.
        Ok(()) | Err(RequestError::UnknownParked(_)) => Ok(receipt),
        Err(error) => Err(problem(error)),
    }
}

/// Gives a parked event up for good.
pub async fn discard(
    log: &Log,
    context: &Context,
    parked: i64,
    reason: Text,
    by: &str,
) -> Result<Receipt, Problem> {
    let event = runtime::parked_event(log.pool(), parked).await.map_err(problem)?;
    let projection = known(log, &event.projection).await?;
    let said = reason.to_string();
    let position = event.position;
    let command = Command::DiscardParked { projection, position, reason, at: context.now };
    let receipt = execute(log, context, &event.projection, command).await?;
    match runtime::discard(log.pool(), parked, &said, by).await {
        Ok(_) | Err(RequestError::UnknownParked(_)) => Ok(receipt),
        Err(error) => Err(problem(error)),
    }
}

async fn known(log: &Log, name: &str) -> Result<Name, Problem> {
    runtime::known(log.pool(), name).await.map_err(problem)?;
    name.parse().map_err(|error| Problem::invalid("/path/name", error))
}

async fn execute(
    log: &Log,
    context: &Context,
    name: &str,
    command: Command,
) -> Result<Receipt, Problem> {
    log.execute::<Projection>(name, command, context).await.or_refuse(refused)
}

/// Rebuild a projection beside the live one.
#[utoipa::path(
    post, path = "/operations/projections/{name}/rebuild", tag = "operations",
    params(("name" = String, Path)),
    security(("bearer" = ["operator"])),
    responses((status = 202, description = "Under way", body = ReceiptBody))
)]
async fn post_rebuild(
    State(app): State<App>,
    caller: Only<Operator>,
    Path(name): Path<String>,
) -> Result<Accepted, Problem> {
    let (receipt, build) = rebuild(&app.log, caller.context(), &name).await?;
    let accepted = Accepted::accepted(receipt, "/api/v1/operations/projections");
    Ok(accepted.with("version", build.version).with("build", build.build))
}

/// Stop a projection where it is.
#[utoipa::path(
    post, path = "/operations/projections/{name}/pause", tag = "operations",
    params(("name" = String, Path)),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "Paused", body = ReceiptBody))
)]
async fn post_pause(
    State(app): State<App>,
    caller: Only<Operator>,
    Path(name): Path<String>,
) -> Result<Accepted, Problem> {
    let by = caller.account.to_string();
    pause(&app.log, caller.context(), &name, &by).await.map(Accepted::done)
}

/// Let a paused projection go on.
#[utoipa::path(
    post, path = "/operations/projections/{name}/resume", tag = "operations",
    params(("name" = String, Path)),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "Goes on", body = ReceiptBody))
)]
async fn post_resume(
    State(app): State<App>,
    caller: Only<Operator>,
    Path(name): Path<String>,
) -> Result<Accepted, Problem> {
    let by = caller.account.to_string();
    resume(&app.log, caller.context(), &name, &by).await.map(Accepted::done)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RetryUpTo {
    /// How many, from the oldest on.
    #[schema(minimum = 1, maximum = 1000)]
    events: u32,
}

/// Try parked events of a projection again, the oldest first.
#[utoipa::path(
    post, path = "/operations/projections/{name}/retry", tag = "operations",
    params(("name" = String, Path)), request_body = RetryUpTo,
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "Tried again now", body = ReceiptBody))
)]
async fn post_retry_all(
    State(app): State<App>,
    caller: Only<Operator>,
    Path(name): Path<String>,
    Json(RetryUpTo { events }): Json<RetryUpTo>,
) -> Result<Accepted, Problem> {
    if !(1..=RETRIES_MAX).contains(&events) {
        return Err(Problem::invalid("/events", format!("goes from 1 to {RETRIES_MAX}")));
    }
    let (receipt, asked) = retry_all(&app.log, caller.context(), &name, events).await?;
    Ok(Accepted::done(receipt).with("events", asked))
}

/// Try a parked event again.
#[utoipa::path(
    post, path = "/operations/parked/{id}/retry", tag = "operations",
    params(("id" = i64, Path)),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "Tried again now", body = ReceiptBody))
)]
async fn post_retry(
    State(app): State<App>,
    caller: Only<Operator>,
    Path(id): Path<i64>,
) -> Result<Accepted, Problem> {
    retry(&app.log, caller.context(), id).await.map(Accepted::done)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Discarding {
    /// Why no view needs this event.
    #[param(inline, value_type = schema::Text)]
    reason: Text,
}

/// Give a parked event up: no build of the projection will apply it.
#[utoipa::path(
    delete, path = "/operations/parked/{id}", tag = "operations",
    params(("id" = i64, Path), Discarding),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "Given up", body = ReceiptBody))
)]
async fn delete_parked(
    State(app): State<App>,
    caller: Only<Operator>,
    Path(id): Path<i64>,
    Query(Discarding { reason }): Query<Discarding>,
) -> Result<Accepted, Problem> {
    let by = caller.account.to_string();
    discard(&app.log, caller.context(), id, reason, &by).await.map(Accepted::done)
}

fn problem(error: RequestError) -> Problem {
    match error {
        RequestError::UnknownProjection(_) => Problem::not_found("projection-unknown", error),
        RequestError::UnknownParked(_) => Problem::not_found("parked-unknown", error),
        RequestError::Database(error) => error.into(),
    }
}

const fn refused(refusal: Refusal) -> Problem {
    match refusal {}
}
