//! Readers like items and comments.

use axum::extract::State;
use domain::AccountId;
use domain::comment::Comment;
use domain::like::{Command, Like, LikeId, Refusal, Target};
use eventstore::{Context, Decision, Facts, Log, Receipt};
use service_kit::{Accepted, Member, Only, OrRefuse, Path, Problem, ReceiptBody, Undecided};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{App, item};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(put, delete))
}

pub async fn give_like(
    log: &Log,
    context: &Context,
    reader: AccountId,
    target: Target,
) -> Result<Receipt, Problem> {
    let at = context.now;
    let like = LikeId { reader, target };
    log.decide::<Like, _, _, Undecided<Refusal>>(context, |facts| async move {
        must_exist(&facts, target).await?;
        Ok(Decision::new(like, Command::Like { like, at }))
    })
    .await
    .or_refuse(|refusal| match refusal {})
}

/// Also of a target that has gone.
pub async fn take_like_back(
    log: &Log,
    context: &Context,
    reader: AccountId,
    target: Target,
) -> Result<Receipt, Problem> {
    let like = LikeId { reader, target };
    let command = Command::Unlike { like, at: context.now };
    log.execute::<Like>(like, command, context).await.or_refuse(|refusal| match refusal {})
}

/// A deleted comment is as good as none.
async fn must_exist<R>(facts: &Facts, target: Target) -> Result<(), Undecided<R>> {
    match target {
        Target::Item(item) => item::must_exist(facts, item).await,
        Target::Comment(comment) => match facts.load::<Comment>(comment).await?.state.is_posted() {
            true => Ok(()),
            false => {
                let unknown = Problem::not_found("comment-unknown", "there is no such comment");
                Err(Undecided::Unprepared(unknown))
            }
        },
    }
}

/// The target of a path such as `/books/<uuid>` or `/comments/<uuid>`.
fn of_path(plural: &str, id: Uuid) -> Result<Target, Problem> {
    match plural {
        "comments" => Ok(Target::Comment(id.into())),
        plural => item::of_path(plural, id).map(Target::Item),
    }
}

/// Like an item or a comment.
#[utoipa::path(
    put, path = "/{kind}/{id}/like", tag = "likes",
    params(("kind" = String, Path, description = "books, courses, products or comments"),
           ("id" = Uuid, Path)),
    responses((status = 200, description = "It is liked", body = ReceiptBody))
)]
async fn put(
    State(app): State<App>,
    caller: Only<Member>,
    Path((kind, id)): Path<(String, Uuid)>,
) -> Result<Accepted, Problem> {
    let target = of_path(&kind, id)?;
    give_like(&app.log, caller.context(), caller.account, target).await.map(Accepted::done)
}

/// Like it no longer.
#[utoipa::path(
    delete, path = "/{kind}/{id}/like", tag = "likes",
    params(("kind" = String, Path, description = "books, courses, products or comments"),
           ("id" = Uuid, Path)),
    responses((status = 200, description = "It is not liked", body = ReceiptBody))
)]
async fn delete(
    State(app): State<App>,
    caller: Only<Member>,
    Path((kind, id)): Path<(String, Uuid)>,
) -> Result<Accepted, Problem> {
    let target = of_path(&kind, id)?;
    take_like_back(&app.log, caller.context(), caller.account, target).await.map(Accepted::done)
}
