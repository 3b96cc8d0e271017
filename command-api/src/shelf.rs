//! Readers keep favourites.

use axum::extract::State;
use domain::shelf::{Command, Refusal, Shelf, ShelfId};
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

pub async fn add_favourite(
    log: &Log,
    context: &Context,
    reader: AccountId,
    item: ItemId,
) -> Result<Receipt, Problem> {
    let at = context.now;
    let shelf = ShelfId { reader, item };
    log.decide::<Shelf, _, _, Undecided<Refusal>>(context, |facts| async move {
        item::must_exist(&facts, item).await?;
        Ok(Decision::new(shelf, Command::AddFavourite { shelf, at }))
    })
    .await
    .or_refuse(|refusal| match refusal {})
}

/// Also of an item that has gone.
pub async fn remove_favourite(
    log: &Log,
    context: &Context,
    reader: AccountId,
    item: ItemId,
) -> Result<Receipt, Problem> {
    let shelf = ShelfId { reader, item };
    let command = Command::RemoveFavourite { shelf, at: context.now };
    log.execute::<Shelf>(shelf, command, context).await.or_refuse(|refusal| match refusal {})
}

/// Put an item on my shelf of favourites.
#[utoipa::path(
    put, path = "/{kind}/{id}/favourite", tag = "favourites",
    params(("kind" = String, Path, description = "books, courses or products"), ("id" = Uuid, Path)),
    responses((status = 200, description = "It is a favourite", body = ReceiptBody))
)]
async fn put(
    State(app): State<App>,
    caller: Only<Member>,
    Path((kind, id)): Path<(String, Uuid)>,
) -> Result<Accepted, Problem> {
    let item = item::of_path(&kind, id)?;
    add_favourite(&app.log, caller.context(), caller.account, item).await.map(Accepted::done)
}

/// Take it off again.
#[utoipa::path(
    delete, path = "/{kind}/{id}/favourite", tag = "favourites",
    params(("kind" = String, Path, description = "books, courses or products"), ("id" = Uuid, Path)),
    responses((status = 200, description = "It is no favourite", body = ReceiptBody))
)]
async fn delete(
    State(app): State<App>,
    caller: Only<Member>,
    Path((kind, id)): Path<(String, Uuid)>,
) -> Result<Accepted, Problem> {
    let item = item::of_path(&kind, id)?;
    remove_favourite(&app.log, caller.context(), caller.account, item).await.map(Accepted::done)
}
