//! Readers say something about items.

use axum::extract::State;
use axum::http::StatusCode;
use domain::comment::{Command, Comment, Refusal, Remark};
use domain::{AccountId, CommentId, ItemId, Personal, Role};
use eventstore::{Context, Decision, Log, Receipt};
use serde::Deserialize;
use service_kit::{
    Accepted, BASE, Json, Member, Only, OrRefuse, Path, Problem, ReceiptBody, Undecided,
};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{App, item};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(post)).routes(routes!(patch, delete))
}

pub async fn post_comment(
    log: &Log,
    context: &Context,
    comment: CommentId,
    author: AccountId,
    item: ItemId,
    text: Remark,
) -> Result<Receipt, Problem> {
    let text = Personal::new(author, text);
    let command = Command::Post { comment, item, author, text, at: context.now };
    log.decide::<Comment, _, _, Undecided<Refusal>>(context, |facts| {
        let command = command.clone();
        async move {
            item::must_exist(&facts, item).await?;
            Ok(Decision::new(comment, command))
        }
    })
    .await
    .or_refuse(refused)
}

/// Also when the item has gone: what I said is mine.
pub async fn edit_comment(
    log: &Log,
    context: &Context,
    comment: CommentId,
    by: AccountId,
    text: Remark,
) -> Result<Receipt, Problem> {
    let text = Personal::new(by, text);
    let command = Command::Edit { comment, by, text, at: context.now };
    log.execute::<Comment>(comment, command, context).await.or_refuse(refused)
}

/// `as_operator`: whoever asks may delete what others said.
pub async fn delete_comment(
    log: &Log,
    context: &Context,
    comment: CommentId,
    by: AccountId,
    as_operator: bool,
) -> Result<Receipt, Problem> {
    let command = Command::Delete { comment, by, as_operator, at: context.now };
    log.execute::<Comment>(comment, command, context).await.or_refuse(refused)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PostComment {
    /// Chosen by the client if it wants to; else by us.
    #[schema(value_type = Option<Uuid>)]
    id: Option<CommentId>,
    /// 1 to 5,000 characters.
    #[schema(value_type = String, min_length = 1, max_length = 5000)]
    text: Remark,
}

/// Say something about an item.
#[utoipa::path(
    post, path = "/{kind}/{id}/comments", tag = "comments", request_body = PostComment,
    params(("kind" = String, Path, description = "books, courses or products"),
           ("id" = Uuid, Path)),
    responses((status = 201, description = "Posted", body = ReceiptBody))
)]
async fn post(
    State(app): State<App>,
    caller: Only<Member>,
    Path((kind, id)): Path<(String, Uuid)>,
    Json(body): Json<PostComment>,
) -> Result<Accepted, Problem> {
    let item = item::of_path(&kind, id)?;
    let comment = body.id.unwrap_or_else(|| Uuid::now_v7().into());
    let context = caller.context();
    let posted = post_comment(&app.log, context, comment, caller.account, item, body.text);
    let receipt = posted.await?;
    let location = format!("{BASE}/comments/{}", receipt.stream.aggregate_id);
    Ok(Accepted::created(receipt, location))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EditComment {
    /// 1 to 5,000 characters.
    #[schema(value_type = String, min_length = 1, max_length = 5000)]
    text: Remark,
}

/// Say it in other words: its author alone.
#[utoipa::path(
    patch, path = "/comments/{id}", tag = "comments", request_body = EditComment,
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "Edited", body = ReceiptBody))
)]
async fn patch(
    State(app): State<App>,
    caller: Only<Member>,
    Path(id): Path<CommentId>,
    Json(EditComment { text }): Json<EditComment>,
) -> Result<Accepted, Problem> {
    edit_comment(&app.log, caller.context(), id, caller.account, text).await.map(Accepted::done)
}

/// Delete a comment, for good: its author or an operator.
#[utoipa::path(
    delete, path = "/comments/{id}", tag = "comments", params(("id" = Uuid, Path)),
    responses((status = 200, description = "Deleted", body = ReceiptBody))
)]
async fn delete(
    State(app): State<App>,
    caller: Only<Member>,
    Path(id): Path<CommentId>,
) -> Result<Accepted, Problem> {
    let as_operator = caller.has(Role::Operator);
    let deleted = delete_comment(&app.log, caller.context(), id, caller.account, as_operator);
    deleted.await.map(Accepted::done)
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Unknown => Problem::not_found("comment-unknown", refusal),
        Refusal::AlreadyPosted => Problem::conflict("comment-exists", refusal),
        Refusal::NotTheAuthor => Problem::forbidden("not-the-author", refusal),
        Refusal::Deleted => Problem::new(StatusCode::GONE, "comment-deleted", refusal),
    }
}
