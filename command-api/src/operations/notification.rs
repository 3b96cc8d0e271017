//! What somebody was to be told and never was, because it was given up, is sent after all.

use axum::extract::State;
use domain::notification::{Command, Notification, NotificationId, NotificationIdError, Refusal};
use eventstore::{Context, Log, Receipt};
use service_kit::{Accepted, Only, Operator, OrRefuse, Path, Problem, ReceiptBody};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(post_retry))
}

/// Has a notification sent that was given up.
pub async fn retry(
    log: &Log,
    context: &Context,
    notification: NotificationId,
) -> Result<Receipt, Problem> {
    let command = Command::Retry { notification, at: context.now };
    log.execute::<Notification>(notification, command, context).await.or_refuse(refused)
}

/// Send a notification that was given up: attempts and pauses begin anew.
#[utoipa::path(
    post, path = "/operations/notifications/{id}/retry", tag = "operations",
    params(("id" = String, Path)),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "Sent anew", body = ReceiptBody))
)]
async fn post_retry(
    State(app): State<App>,
    caller: Only<Operator>,
    Path(id): Path<String>,
) -> Result<Accepted, Problem> {
    let unknown = |error: NotificationIdError| Problem::not_found("notification-unknown", error);
    let notification = id.parse().map_err(unknown)?;
    retry(&app.log, caller.context(), notification).await.map(Accepted::done)
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NotRequested => Problem::not_found("notification-unknown", refusal),
        Refusal::NotGivenUp => Problem::conflict(NOT_GIVEN_UP, refusal),
    }
}

/// The code of the refusal, by which those are told that went out meanwhile.
pub const NOT_GIVEN_UP: &str = "notification-not-given-up";
