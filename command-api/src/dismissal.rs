//! Readers say what they do not want to be recommended.

use axum::extract::State;
use domain::dismissal::{Command, Dismissal, DismissalId, Refusal};
use domain::{AccountId, ItemId};
use eventstore::{Context, Decision, Log, Receipt};
use service_kit::{Accepted, Member, Only, OrRefuse, Path, Problem, ReceiptBody, Undecided};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{App, item};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(put, delete))
}

pub async fn dismiss(
    log: &Log,
    context: &Context,
    reader: AccountId,
    item: ItemId,
) -> Result<Receipt, Problem> {
    let at = context.now;
    let dismissal = DismissalId { reader, item };
    log.decide::<Dismissal, _, _, Undecided<Refusal>>(context, |facts| async move {
        item::must_exist(&facts, item).await?;
        Ok(Decision::new(dismissal, Command::Dismiss { dismissal, at }))
    })
    .await
    .or_refuse(|refusal| match refusal {})
}

/// Also of an item that has gone.
pub async fn take_back(
    log: &Log,
    context: &Context,
    reader: AccountId,
    item: ItemId,
) -> Result<Receipt, Problem> {
    let dismissal = DismissalId { reader, item };
    let command = Command::TakeBack { dismissal, at: context.now };
    log.execute::<Dismissal>(dismissal, command, context)
        .await
        .or_refuse(|refusal| match refusal {})
}

/// Never recommend this to me.
#[utoipa::path(
    put, path = "/{kind}/{id}/dismissal", tag = "recommendations",
    params(("kind" = String, Path, description = "books, courses or products"), ("id" = Uuid, Path)),
    responses((status = 200, description = "It is not recommended to me", body = ReceiptBody))
)]
async fn put(
    State(app): State<App>,
    caller: Only<Member>,
    Path((kind, id)): Path<(String, Uuid)>,
) -> Result<Accepted, Problem> {
    let item = item::of_path(&kind, id)?;
    dismiss(&app.log, caller.context(), caller.account, item).await.map(Accepted::done)
}

/// It may be recommended to me again.
#[utoipa::path(
    delete, path = "/{kind}/{id}/dismissal", tag = "recommendations",
    params(("kind" = String, Path, description = "books, courses or products"), ("id" = Uuid, Path)),
    responses((status = 200, description = "It may be recommended to me", body = ReceiptBody))
)]
async fn delete(
    State(app): State<App>,
    caller: Only<Member>,
    Path((kind, id)): Path<(String, Uuid)>,
) -> Result<Accepted, Problem> {
    let item = item::of_path(&kind, id)?;
    take_back(&app.log, caller.context(), caller.account, item).await.map(Accepted::done)
}
