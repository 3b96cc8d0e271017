//! Parked events are tried again or given up: one, up to so many, or those that failed alike.

use axum::extract::State;
use cqrs_es::DomainEvent;
use domain::projection::{Command, Event, Projection};
use domain::{Name, Text};
use eventstore::{Context, Log, Receipt};
use projections::runtime::{self, RequestError};
use serde::Deserialize;
use service_kit::{Accepted, Json, Only, Operator, Path, Problem, Query, ReceiptBody, schema};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{decide, known, problem};
use crate::App;

/// Parked events that one request is about.
pub const EVENTS_MAX: u32 = 1_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(post_retry_failed))
        .routes(routes!(post_discard_group))
        .routes(routes!(post_retry))
        .routes(routes!(delete_parked))
}

/// Tries up to `events` failed events of a projection again, or of one group of them.
pub async fn retry_failed(
    log: &Log,
    context: &Context,
    name: &str,
    group: Option<Name>,
    events: u32,
) -> Result<(Receipt, i64), Problem> {
    let (pool, group) = (log.pool(), group.as_ref());
    let of = group.map(Name::as_str);
    let failed = move || runtime::failed_positions(pool, name, of, i64::from(events));
    let receipt = decide(log, context, || async move {
        let projection = known(log, name).await?;
        let positions = failed().await.map_err(problem)?;
        let (first, at) = (positions.first().copied().unwrap_or_default(), context.now);
        Ok(match group.cloned() {
            Some(group) => Command::RetryGroup { projection, group, events, first, at },
            None => Command::RetryParked { projection, events, first, at },
        })
    })
    .await?;
    let positions = match failed().await {
        // Tried meanwhile, with success.
        Err(RequestError::UnknownGroup(..)) => vec![],
        failed => failed.map_err(problem)?,
    };
    let asked = runtime::retry_failed(pool, name, &positions).await.map_err(problem)?;
    Ok((receipt, asked))
}

/// Tries a parked event again.
pub async fn retry(log: &Log, context: &Context, parked: i64) -> Result<Receipt, Problem> {
    let receipt = decide(log, context, || async move {
        let event = runtime::parked_event(log.pool(), parked).await.map_err(problem)?;
        let projection = known(log, &event.projection).await?;
        let first = event.position;
        Ok(Command::RetryParked { projection, events: 1, first, at: context.now })
    })
    .await?;
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
    let (pool, reason) = (log.pool(), &reason);
    let receipt = decide(log, context, || async move {
        let event = runtime::parked_event(pool, parked).await.map_err(problem)?;
        let projection = known(log, &event.projection).await?;
        let (position, reason, at) = (event.position, reason.clone(), context.now);
        Ok(Command::DiscardParked { projection, position, reason, at })
    })
    .await?;
    match runtime::parked_event(pool, parked).await {
        Ok(event) => {
            let (name, said) = (&event.projection, reason.to_string());
            let discarded = runtime::discard(pool, name, &[event.position], &said, by).await;
            discarded.map_err(problem)?;
        }
        // Given up when the command was first sent.
        Err(RequestError::UnknownParked(_)) => {}
        Err(error) => return Err(problem(error)),
    }
    Ok(receipt)
}

/// Gives up to `events` parked events that failed alike up for good. Answers how many.
pub async fn discard_group(
    log: &Log,
    context: &Context,
    name: &str,
    group: Name,
    events: u32,
    reason: Text,
    by: &str,
) -> Result<(Receipt, usize), Problem> {
    let (pool, group, why) = (log.pool(), &group, &reason);
    let of = Some(group.as_str());
    let failed = move || runtime::failed_positions(pool, name, of, i64::from(events));
    let receipt = decide(log, context, || async move {
        let projection = known(log, name).await?;
        let positions = failed().await.map_err(problem)?;
        let (group, reason, at) = (group.clone(), why.clone(), context.now);
        Ok(Command::DiscardGroup { projection, group, positions, reason, at })
    })
    .await?;
    let positions = match receipt.unchanged {
        // A crash may have kept their rows from following the log.
        true => {
            let recorded = log.load::<Projection>(name).await?.state;
            let mut positions = failed().await.map_err(problem)?;
            positions.retain(|position| recorded.does_without(*position));
            positions
        }
        false => given_up_by(log, &receipt).await?,
    };
    runtime::discard(pool, name, &positions, why.as_str(), by).await.map_err(problem)?;
    Ok((receipt, positions.len()))
}

/// As recorded: a command that is repeated must not give up what failed since.
async fn given_up_by(log: &Log, receipt: &Receipt) -> Result<Vec<i64>, Problem> {
    let at = receipt.position;
    let event = log.reader().range(at - 1, at, 1).await?.pop();
    let event = event.ok_or_else(|| Problem::internal("the log has lost its end"))?;
    match event.decode().map_err(Problem::internal)? {
        Event::ParkedGroupDiscarded { positions, .. } => Ok(positions),
        other => Err(Problem::internal(format!("{} gives nothing up", other.event_type()))),
    }
}

fn in_bounds(events: u32) -> Result<u32, Problem> {
    match events {
        1..=EVENTS_MAX => Ok(events),
        _ => Err(Problem::invalid("/events", format!("goes from 1 to {EVENTS_MAX}"))),
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RetryUpTo {
    /// How many, from the oldest on.
    #[schema(minimum = 1, maximum = 1000)]
    events: u32,
    /// Only those that failed alike, as `/operations/parked/groups` names them.
    #[schema(value_type = Option<schema::Name>)]
    group: Option<Name>,
}

/// Try parked events of a projection again, the oldest first.
#[utoipa::path(
    post, path = "/operations/projections/{name}/retry", tag = "operations",
    params(("name" = String, Path)), request_body = RetryUpTo,
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "Tried again now", body = ReceiptBody))
)]
async fn post_retry_failed(
    State(app): State<App>,
    caller: Only<Operator>,
    Path(name): Path<String>,
    Json(RetryUpTo { events, group }): Json<RetryUpTo>,
) -> Result<Accepted, Problem> {
    let events = in_bounds(events)?;
    let (receipt, asked) = retry_failed(&app.log, caller.context(), &name, group, events).await?;
    Ok(Accepted::done(receipt).with("events", asked))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DiscardUpTo {
    /// Those that failed alike, as `/operations/parked/groups` names them.
    #[schema(value_type = schema::Name)]
    group: Name,
    /// How many, from the oldest on.
    #[schema(minimum = 1, maximum = 1000)]
    events: u32,
    /// Why no view needs these events.
    #[schema(value_type = schema::Text)]
    reason: Text,
}

/// Give parked events up that failed alike, the oldest first: no build will apply them.
#[utoipa::path(
    post, path = "/operations/projections/{name}/discard", tag = "operations",
    params(("name" = String, Path)), request_body = DiscardUpTo,
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "Given up", body = ReceiptBody))
)]
async fn post_discard_group(
    State(app): State<App>,
    caller: Only<Operator>,
    Path(name): Path<String>,
    Json(DiscardUpTo { group, events, reason }): Json<DiscardUpTo>,
) -> Result<Accepted, Problem> {
    let (events, by) = (in_bounds(events)?, caller.account.to_string());
    let (log, context) = (&app.log, caller.context());
    let (receipt, given_up) =
        discard_group(log, context, &name, group, events, reason, &by).await?;
    Ok(Accepted::done(receipt).with("events", given_up))
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
