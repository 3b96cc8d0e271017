//! A process tries again what it has parked.

use axum::extract::State;
use domain::process::{Command, Process, Refusal};
use domain::{Name, Text};
use eventstore::{Context, Log, Receipt};
use processes::RequestError;
use service_kit::{Accepted, Only, Operator, OrRefuse, Path, Problem, ReceiptBody};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(post_retry))
}

/// Has a parked instance of a process tried again now.
pub async fn retry(
    log: &Log,
    context: &Context,
    name: &str,
    instance: &str,
) -> Result<Receipt, Problem> {
    processes::known(log.pool(), name).await.map_err(problem)?;
    let position = processes::parked_at(log.pool(), name, instance).await.map_err(problem)?;
    let process: Name = name.parse().map_err(|error| Problem::invalid("/path/name", error))?;
    let stopped: Text = instance.parse().map_err(|error| Problem::invalid("/path/id", error))?;
    let command = Command::Retry { process, instance: stopped, position, at: context.now };
    let receipt = log.execute::<Process>(name, command, context).await.or_refuse(refused)?;
    processes::retry(log.pool(), name, instance).await?;
    Ok(receipt)
}

/// Try a parked instance of a process again.
#[utoipa::path(
    post, path = "/operations/processes/{name}/instances/{id}/retry", tag = "operations",
    params(("name" = String, Path), ("id" = String, Path)),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "Tried again now", body = ReceiptBody))
)]
async fn post_retry(
    State(app): State<App>,
    caller: Only<Operator>,
    Path((name, id)): Path<(String, String)>,
) -> Result<Accepted, Problem> {
    retry(&app.log, caller.context(), &name, &id).await.map(Accepted::done)
}

fn problem(error: RequestError) -> Problem {
    match error {
        RequestError::UnknownProcess(_) => Problem::not_found("process-unknown", error),
        RequestError::NotParked(..) => Problem::conflict("instance-not-parked", error),
        RequestError::Database(error) => error.into(),
    }
}

const fn refused(refusal: Refusal) -> Problem {
    match refusal {}
}
