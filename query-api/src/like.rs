//! Who likes an item or a comment, newest first.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::like::Target;
use serde::Serialize;
use serde_json::Value;
use service_kit::page::{Page, Paging, decode_cursor};
use service_kit::{Path, Problem, Query};
use sqlx::FromRow;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{Answer, App, Asked, Reads, comment, item};

const READS: Reads = &["likes", "profiles", "comments", "books", "courses", "products"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(likes))
}

/// Somebody who likes it.
#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Liker {
    account: Uuid,
    /// Null once the person has been erased.
    #[schema(value_type = Option<String>)]
    display_name: Option<Value>,
    liked_at: DateTime<Utc>,
    #[serde(skip)]
    position: i64,
}

#[utoipa::path(
    get, path = "/{kind}/{id}/likes", tag = "likes",
    params(("kind" = String, Path, description = "books, courses, products or comments"),
           ("id" = Uuid, Path), Paging),
    responses((status = 200, description = "Who likes it, newest first", body = Page<Liker>))
)]
async fn likes(
    State(app): State<App>,
    asked: Asked,
    Path((kind, id)): Path<(String, Uuid)>,
    Query(params): Query<Paging>,
) -> Result<Response, Problem> {
    asked.member()?;
    let item = match kind.as_str() {
        "comments" => None,
        plural => Some(item::kind_of_path(plural)?),
    };
    let after: Option<i64> = decode_cursor("likes", params.cursor.as_deref())?;
    let uri = asked.uri.clone();
    app.read(&asked, READS, move |mut view| async move {
        let kind = match item {
            Some(kind) => {
                item::must_exist(view.db(), kind, id).await?;
                kind.name()
            }
            None => {
                comment::must_exist(view.db(), id).await?;
                Target::COMMENT
            }
        };
        let likers: Vec<Liker> = sqlx::query_as(
            "select l.reader as account, p.display_name, l.liked_at, l.position
               from readmodel.likes l left join readmodel.profiles p on p.account = l.reader
              where (l.kind, l.target) = ($1, $2) and ($3::bigint is null or l.position < $3)
              order by l.position desc limit $4",
        )
        .bind(kind)
        .bind(id)
        .bind(after)
        .bind(params.limit.rows())
        .fetch_all(view.db())
        .await?;
        Answer::page(&uri, &Page::of("likes", likers, params.limit, |liker| liker.position))
    })
    .await
}
