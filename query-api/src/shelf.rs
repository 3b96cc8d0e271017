//! My favourites.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::ItemKind;
use serde::{Deserialize, Serialize};
use service_kit::page::{Limit, Page, decode_cursor};
use service_kit::{Problem, Query, schema};
use sqlx::FromRow;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::item::{self, Item};
use crate::{Answer, App, Asked, Reads};

const READS: Reads = &["favourites", "books", "courses", "products", "item_ratings"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(mine))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
    /// `book`, `course` or `product`
    #[param(inline, value_type = Option<schema::ItemKind>)]
    kind: Option<ItemKind>,
}

/// One of my favourites.
#[derive(Debug, Serialize, ToSchema)]
struct Favourite {
    #[serde(flatten)]
    item: Item,
    added_at: DateTime<Utc>,
}

#[derive(Debug, FromRow)]
struct Row {
    kind: String,
    item: Uuid,
    added_at: DateTime<Utc>,
    position: i64,
}

#[utoipa::path(
    get, path = "/accounts/me/favourites", tag = "favourites", params(Params),
    responses((status = 200, description = "My favourites, newest first", body = Page<Favourite>))
)]
async fn mine(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let reader = asked.member()?.uuid();
    let after: Option<i64> = decode_cursor("my-favourites", params.cursor.as_deref())?;
    let uri = asked.uri.clone();
    app.read(&asked, READS, move |mut view| async move {
        let rows: Vec<Row> = sqlx::query_as(
            "select kind, item, added_at, position from readmodel.favourites
              where reader = $1 and ($2::text is null or kind = $2)
                and ($3::bigint is null or position < $3)
              order by position desc limit $4",
        )
        .bind(reader)
        .bind(params.kind.map(ItemKind::name))
        .bind(after)
        .bind(params.limit.rows())
        .fetch_all(view.db())
        .await?;
        let page = Page::of("my-favourites", rows, params.limit, |row| row.position);
        let ids = page.items.iter().map(|row| (row.kind.clone(), row.item));
        let mut items = item::fetch(view.db(), Some(reader), ids).await?;
        let next = page.next;
        let mine = page.items.into_iter().filter_map(|Row { kind, item, added_at, .. }| {
            let item = items.remove(&(kind, item))?;
            Some(Favourite { item, added_at })
        });
        Answer::page(&uri, &Page { items: mine.collect(), next })
    })
    .await
}
