//! Readers follow readers.

use axum::extract::State;
use domain::AccountId;
use domain::account::Account;
use domain::follow::{Command, Follow, FollowId, Refusal};
use eventstore::{Context, Decision, Log, Receipt};
use service_kit::{Accepted, Member, Only, OrRefuse, Path, Problem, ReceiptBody, Undecided};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(put, delete))
}

/// The one followed must be there; the follower is who asks.
pub async fn follow(log: &Log, context: &Context, follow: FollowId) -> Result<Receipt, Problem> {
    let at = context.now;
    log.decide::<Follow, _, _, _>(context, |facts| async move {
        if !facts.load::<Account>(follow.followee).await?.state.is_active() {
            let unknown = Problem::not_found("account-unknown", "there is no such account");
            return Err(Undecided::Unprepared(unknown));
        }
        Ok(Decision::new(follow, Command::Follow { follow, at }))
    })
    .await
    .or_refuse(refused)
}

pub async fn unfollow(log: &Log, context: &Context, follow: FollowId) -> Result<Receipt, Problem> {
    let command = Command::Unfollow { follow, at: context.now };
    log.execute::<Follow>(follow, command, context).await.or_refuse(refused)
}

/// Follow somebody.
#[utoipa::path(
    put, path = "/accounts/me/following/{account}", tag = "follows",
    params(("account" = Uuid, Path)),
    responses((status = 200, description = "Followed", body = ReceiptBody))
)]
async fn put(
    State(app): State<App>,
    caller: Only<Member>,
    Path(followee): Path<AccountId>,
) -> Result<Accepted, Problem> {
    let pair = FollowId { follower: caller.account, followee };
    follow(&app.log, caller.context(), pair).await.map(Accepted::done)
}

/// Follow somebody no longer.
#[utoipa::path(
    delete, path = "/accounts/me/following/{account}", tag = "follows",
    params(("account" = Uuid, Path)),
    responses((status = 200, description = "Not followed any more", body = ReceiptBody))
)]
async fn delete(
    State(app): State<App>,
    caller: Only<Member>,
    Path(followee): Path<AccountId>,
) -> Result<Accepted, Problem> {
    let pair = FollowId { follower: caller.account, followee };
    unfollow(&app.log, caller.context(), pair).await.map(Accepted::done)
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Oneself => Problem::conflict("follows-oneself", refusal),
    }
}
