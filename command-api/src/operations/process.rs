//! A process tries again what it has parked.

use axum::extract::State;
use domain::process::{Command, Process, Refusal};
use domain::{Name, Text};
use eventstore::{Context, Decision, Log, Receipt};
use processes::RequestError;
use service_kit::{Accepted, Only, Operator, OrRefuse, Path, Problem, ReceiptBody, Undecided};
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
    let pool = log.pool();
    let prepare = || async move {
        processes::known(pool, name).await.map_err(problem)?;
        let position = processes::parked_at(pool, name, instance).await.map_err(problem)?;
        let process: Name = name.parse().map_err(|error| Problem::invalid("/path/name", error))?;
        let instance: Text =
            instance.parse().map_err(|error| Problem::invalid("/path/id", error))?;
        let command = Command::Retry { process, instance, position, at: context.now };
        Ok::<_, Problem>(Decision::new(name, command))
    };
    // It may have gone on since the command was accepted: then the log has its answer.
    let receipt = log
        .decide::<Process, _, _, Undecided<Refusal>>(context, |_| {
            let decision = prepare();
            async move { Ok(decision.await?) }
        })
        .await
        .or_refuse(refused)?;
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
