//! Operators look after projections, parked events, processes and notifications.
//!
//! Each action is an event first; then the row that the workers look at follows from it, and
//! follows again when the command is repeated with its key.

mod notification;
mod parked;
mod process;

use std::future::Future;

use axum::extract::State;
use domain::Name;
use domain::projection::{Command, Projection, Refusal};
use eventstore::{Context, Decision, Log, Receipt};
use projections::runtime::{self, BuildKey, RequestError};
use service_kit::{Accepted, Only, Operator, OrRefuse, Path, Problem, ReceiptBody, Undecided};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
pub use notification::{NOT_GIVEN_UP, retry as retry_notification};
pub use parked::{EVENTS_MAX, discard, discard_group, retry, retry_failed};
pub use process::retry as retry_instance;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(post_rebuild))
        .routes(routes!(post_pause))
        .routes(routes!(post_resume))
        .routes(routes!(post_verify))
        .merge(notification::routes())
        .merge(parked::routes())
        .merge(process::routes())
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

/// Has a projection compared with a fresh build of itself, by a program that runs it.
pub async fn verify(
    log: &Log,
    context: &Context,
    name: &str,
    by: &str,
) -> Result<Receipt, Problem> {
    let projection = known(log, name).await?;
    let command = Command::Verify { projection, at: context.now };
    let receipt = execute(log, context, name, command).await?;
    runtime::request_verification(log.pool(), name, receipt.position, by).await?;
    Ok(receipt)
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

/// A command about what is parked just now. That may be gone since it was accepted: whoever repeats
/// it gets its answer all the same.
async fn decide<F, Fut>(log: &Log, context: &Context, prepare: F) -> Result<Receipt, Problem>
where
    F: Fn() -> Fut + Send + Sync,
    Fut: Future<Output = Result<Command, Problem>> + Send,
{
    log.decide::<Projection, _, _, Undecided<Refusal>>(context, |_| {
        let command = prepare();
        async move {
            let command = command.await?;
            Ok(Decision::new(command.projection().clone(), command))
        }
    })
    .await
    .or_refuse(refused)
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

/// Have a projection compared with a fresh build of itself.
#[utoipa::path(
    post, path = "/operations/projections/{name}/verify", tag = "operations",
    params(("name" = String, Path)),
    security(("bearer" = ["operator"])),
    responses((status = 202, description = "Asked for", body = ReceiptBody))
)]
async fn post_verify(
    State(app): State<App>,
    caller: Only<Operator>,
    Path(name): Path<String>,
) -> Result<Accepted, Problem> {
    let by = caller.account.to_string();
    let receipt = verify(&app.log, caller.context(), &name, &by).await?;
    let id = receipt.position;
    let location = format!("/api/v1/operations/projections/{name}/verifications/{id}");
    Ok(Accepted::accepted(receipt, location).id(id))
}

fn problem(error: RequestError) -> Problem {
    match error {
        RequestError::UnknownProjection(_) => Problem::not_found("projection-unknown", error),
        RequestError::UnknownParked(_) => Problem::not_found("parked-unknown", error),
        RequestError::UnknownGroup(..) => Problem::not_found("parked-group-unknown", error),
        RequestError::Database(error) => error.into(),
    }
}

const fn refused(refusal: Refusal) -> Problem {
    match refusal {}
}
