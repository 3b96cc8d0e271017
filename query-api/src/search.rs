//! Finding books, courses and products by their words, best match first.

use axum::extract::State;
use axum::response::Response;
use domain::ItemKind;
use serde::{Deserialize, Serialize};
use service_kit::page::{Limit, Page, decode_cursor};
use service_kit::{Problem, Query};
use sqlx::{FromRow, Postgres, QueryBuilder};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::catalogue::push_words;
use crate::item::{self, CATALOGUE, COLUMNS, Item};
use crate::{Answer, App, Asked};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    /// Words to look for, as in a search engine: `"exact phrase"`, `or`, `-without`.
    q: String,
    /// `book`, `course` or `product`; without it, all three.
    #[param(value_type = Option<String>)]
    kind: Option<ItemKind>,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Found {
    #[sqlx(flatten)]
    #[serde(flatten)]
    item: Item,
    /// How well it matches.
    score: f64,
    /// `full-text`
    source: String,
}

#[utoipa::path(
    get, path = "/search", tag = "search", params(Params), security(()),
    responses((status = 200, description = "What was found", body = Page<Found>))
)]
async fn search(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let q = params.q.trim().to_owned();
    if q.is_empty() {
        return Err(Problem::invalid("/query/q", "what are you looking for?"));
    }
    let after: Option<(f64, Uuid)> = decode_cursor("search", params.cursor.as_deref())?;
    let uri = asked.uri.clone();
    app.read(&asked, item::READS, move |mut view| async move {
        let mut sql = QueryBuilder::<Postgres>::new(format!(
            "select {COLUMNS}, c.score, 'full-text' as source
               from (select *, ts_rank(search, "
        ));
        push_words(&mut sql, &q);
        sql.push(format!(")::float8 as score from {CATALOGUE} c where shown and search @@ "));
        push_words(&mut sql, &q);
        sql.push(
            ") c left join readmodel.item_ratings r on (r.kind, r.item) = (c.kind, c.item)
              where true",
        );
        if let Some(kind) = params.kind {
            sql.push(" and c.kind = ").push_bind(kind.name());
        }
        if let Some((score, id)) = after {
            sql.push(" and (c.score, c.item) < (").push_bind(score);
            sql.push(", ").push_bind(id).push(")");
        }
        sql.push(" order by c.score desc, c.item desc limit ").push_bind(params.limit.rows());
        let rows: Vec<Found> = sql.build_query_as().fetch_all(view.db()).await?;
        let page = Page::of("search", rows, params.limit, |row| (row.score, row.item.id));
        Answer::page(&uri, &page)
    })
    .await
}
