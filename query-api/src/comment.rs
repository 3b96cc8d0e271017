//! What readers say about an item.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use service_kit::page::{Page, Paging, decode_cursor};
use service_kit::{Path, Problem, Query};
use sqlx::{FromRow, PgConnection};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{Answer, App, Asked, Reads, item};

const READS: Reads = &["comments", "likes", "profiles", "books", "courses", "products"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(comments)).routes(routes!(comment))
}

/// What somebody said about an item.
#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Comment {
    id: Uuid,
    /// `book:<uuid>`, as events write it.
    item: String,
    author: Uuid,
    /// Null once the author has been erased.
    #[schema(value_type = Option<String>)]
    author_name: Option<Value>,
    /// Null once the author has been erased.
    #[schema(value_type = Option<String>)]
    text: Option<Value>,
    posted_at: DateTime<Utc>,
    /// Null: it stands as it was posted.
    edited_at: Option<DateTime<Utc>>,
    likes: i64,
    /// Whether I like it, if I ask with a token.
    liked_by_me: Option<bool>,
    #[serde(skip)]
    sequence: i64,
    #[serde(skip)]
    position: i64,
}

/// `$1` is who asks.
const COMMENTS: &str = "
    select c.comment as id, c.kind || ':' || c.item as item, c.author,
           p.display_name as author_name, c.text, c.posted_at, c.edited_at,
           coalesce(l.likes, 0) as likes,
           case when $1::uuid is not null
                then exists (select from readmodel.likes mine
                              where (mine.reader, mine.kind, mine.target)
                                  = ($1, 'comment', c.comment))
           end as liked_by_me, c.sequence, c.position
      from readmodel.comments c
      left join readmodel.profiles p on p.account = c.author
      left join readmodel.like_counts l on (l.kind, l.target) = ('comment', c.comment)";

#[utoipa::path(
    get, path = "/{kind}/{id}/comments", tag = "comments", security(()),
    params(("kind" = String, Path, description = "books, courses or products"),
           ("id" = Uuid, Path), Paging),
    responses((status = 200, description = "What readers say, newest first", body = Page<Comment>))
)]
async fn comments(
    State(app): State<App>,
    asked: Asked,
    Path((kind, id)): Path<(String, Uuid)>,
    Query(params): Query<Paging>,
) -> Result<Response, Problem> {
    let kind = item::kind_of_path(&kind)?;
    let reader = asked.account().map(|account| account.uuid());
    let after: Option<i64> = decode_cursor("comments", params.cursor.as_deref())?;
    let uri = asked.uri.clone();
    app.read(&asked, READS, move |mut view| async move {
        item::must_exist(view.db(), kind, id).await?;
        let comments: Vec<Comment> = sqlx::query_as(&format!(
            "{COMMENTS}
              where (c.kind, c.item) = ($2, $3) and ($4::bigint is null or c.position < $4)
              order by c.position desc limit $5",
        ))
        .bind(reader)
        .bind(kind.name())
        .bind(id)
        .bind(after)
        .bind(params.limit.rows())
        .fetch_all(view.db())
        .await?;
        let page = Page::of("comments", comments, params.limit, |comment| comment.position);
        Answer::page(&uri, &page)
    })
    .await
}

#[utoipa::path(
    get, path = "/comments/{id}", tag = "comments", params(("id" = Uuid, Path)), security(()),
    responses((status = 200, description = "A comment", body = Comment))
)]
async fn comment(
    State(app): State<App>,
    asked: Asked,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let reader = asked.account().map(|account| account.uuid());
    app.read(&asked, READS, move |mut view| async move {
        let comment: Option<Comment> = sqlx::query_as(&format!("{COMMENTS} where c.comment = $2"))
            .bind(reader)
            .bind(id)
            .fetch_optional(view.db())
            .await?;
        let comment = comment.ok_or_else(unknown)?;
        Ok(Answer::json(&comment)?.of_sequence(comment.sequence))
    })
    .await
}

/// A deleted one does not.
pub async fn must_exist(db: &mut PgConnection, comment: Uuid) -> Result<(), Problem> {
    let exists: bool =
        sqlx::query_scalar("select exists (select from readmodel.comments where comment = $1)")
            .bind(comment)
            .fetch_one(db)
            .await?;
    if exists { Ok(()) } else { Err(unknown()) }
}

fn unknown() -> Problem {
    Problem::not_found("comment-unknown", "there is no such comment")
}
