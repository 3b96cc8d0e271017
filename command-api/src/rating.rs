//! Readers rate items.

use axum::extract::State;
use domain::rating::{Command, Rating, RatingId, Refusal, Score};
use domain::{AccountId, ItemId};
use eventstore::{Context, Decision, Log, Receipt};
use serde::Deserialize;
use service_kit::{
    Accepted, Json, Member, Only, OrRefuse, Path, Problem, ReceiptBody, Undecided, schema,
};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{App, item};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(put, delete))
}

pub async fn rate(
    log: &Log,
    context: &Context,
    reader: AccountId,
    item: ItemId,
    score: Score,
) -> Result<Receipt, Problem> {
    let at = context.now;
    let rating = RatingId { reader, item };
    log.decide::<Rating, _, _, Undecided<Refusal>>(context, |facts| async move {
        item::must_exist(&facts, item).await?;
        Ok(Decision::new(rating, Command::Rate { rating, score, at }))
    })
    .await
    .or_refuse(refused)
}

/// Also of an item that has gone: an opinion on it can always be taken back.
pub async fn withdraw(
    log: &Log,
    context: &Context,
    reader: AccountId,
    item: ItemId,
) -> Result<Receipt, Problem> {
    let rating = RatingId { reader, item };
    let command = Command::Withdraw { rating, at: context.now };
    log.execute::<Rating>(rating, command, context).await.or_refuse(refused)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rate {
    /// Whole points.
    #[schema(value_type = schema::Score)]
    score: Score,
}

/// Rate an item, or change my mind.
#[utoipa::path(
    put, path = "/{kind}/{id}/rating", tag = "ratings", request_body = Rate,
    params(("kind" = String, Path, description = "books, courses or products"), ("id" = Uuid, Path)),
    responses((status = 200, description = "Rated", body = ReceiptBody))
)]
async fn put(
    State(app): State<App>,
    caller: Only<Member>,
    Path((kind, id)): Path<(String, Uuid)>,
    Json(Rate { score }): Json<Rate>,
) -> Result<Accepted, Problem> {
    let item = item::of_path(&kind, id)?;
    rate(&app.log, caller.context(), caller.account, item, score).await.map(Accepted::done)
}

/// Take my rating back.
#[utoipa::path(
    delete, path = "/{kind}/{id}/rating", tag = "ratings",
    params(("kind" = String, Path, description = "books, courses or products"), ("id" = Uuid, Path)),
    responses((status = 200, description = "Withdrawn", body = ReceiptBody))
)]
async fn delete(
    State(app): State<App>,
    caller: Only<Member>,
    Path((kind, id)): Path<(String, Uuid)>,
) -> Result<Accepted, Problem> {
    let item = item::of_path(&kind, id)?;
    withdraw(&app.log, caller.context(), caller.account, item).await.map(Accepted::done)
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NothingToWithdraw => Problem::not_found("nothing-to-withdraw", refusal),
    }
}
