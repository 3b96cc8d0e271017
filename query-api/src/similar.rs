//! What those who like an item like besides.

use axum::extract::State;
use axum::response::Response;
use domain::ItemId;
use serde::{Deserialize, Serialize};
use service_kit::{Path, Problem, Query};
use sqlx::{FromRow, PgConnection};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::item::{self, CATALOGUE, Item};
use crate::meaning::Meaning;
use crate::{Answer, App, Asked, Reads};

const READS: Reads = &["books", "courses", "products", "item_ratings", "features"];

/// Newest readers of an item that are asked what else they like, and their newest items.
const READERS_MAX: i64 = 2000;
const SEEN_MAX: i64 = 1000;
/// Readers who like both, at least: one may be chance.
const TOGETHER_MIN: i64 = 2;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(similar))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    /// 10 unless told, at most 50.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 50)]
    limit: Option<u8>,
}

/// Similar items, most similar first.
#[derive(Debug, Serialize, ToSchema)]
struct SimilarItems {
    items: Vec<Similar>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Similar {
    #[serde(flatten)]
    item: Item,
    /// `co-occurrence` (same readers), `meaning` (says much the same) or `content` (same authors or
    /// genres).
    source: &'static str,
    /// Cosine of the sets of readers, or of what the two say; for content, the number of things in
    /// common.
    score: f64,
    reasons: Reasons,
    model_version: String,
    position: i64,
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Reasons {
    /// Readers who like both.
    together: Option<i64>,
    readers_of_this: Option<i64>,
    readers_of_that: Option<i64>,
    in_common: Vec<String>,
}

#[derive(FromRow)]
struct Row {
    item: Uuid,
    score: f64,
    #[sqlx(flatten)]
    reasons: Reasons,
}

#[utoipa::path(
    get, path = "/{kind}/{id}/similar", tag = "recommendations", security(()),
    params(("kind" = String, Path, description = "books, courses or products"),
           ("id" = Uuid, Path), Params),
    responses((status = 200, description = "Similar items", body = SimilarItems))
)]
async fn similar(
    State(app): State<App>,
    asked: Asked,
    Path((kind, id)): Path<(String, Uuid)>,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let kind = item::kind_of_path(&kind)?;
    let limit = i64::from(params.limit.unwrap_or(10));
    if !(1..=50).contains(&limit) {
        return Err(Problem::invalid("/query/limit", "a limit goes from 1 to 50"));
    }
    let reader = asked.account().map(|account| account.uuid());
    let meaning = app.meaning();
    let asked = asked.beside(meaning.now());
    app.read(&asked, READS, move |mut view| async move {
        let position = view.positions.lowest();
        let db = view.db();
        item::must_exist(db, kind, id).await?;
        let readers: Vec<Row> = sqlx::query_as(&by_readers())
            .bind(kind.name())
            .bind(id)
            .bind(limit)
            .fetch_all(&mut *db)
            .await?;
        let mut found: Vec<(&'static str, Row)> =
            readers.into_iter().map(|row| ("co-occurrence", row)).collect();
        let left = limit as usize - found.len();
        if left > 0 {
            let of = ItemId::new(kind, id);
            let known: Vec<Uuid> = found.iter().map(|(_, row)| row.item).collect();
            let near = by_meaning(db, meaning, of, known, left).await?;
            found.extend(near.into_iter().map(|row| ("meaning", row)));
        }
        let left = limit as usize - found.len();
        if left > 0 {
            let content: Vec<Row> = sqlx::query_as(&by_content())
                .bind(kind.name())
                .bind(id)
                .bind(limit)
                .bind(found.iter().map(|(_, row)| row.item).collect::<Vec<_>>())
                .fetch_all(&mut *db)
                .await?;
            found.extend(content.into_iter().take(left).map(|row| ("content", row)));
        }
        let ids = found.iter().map(|(_, row)| (kind.name().to_owned(), row.item));
        let mut items = item::fetch(db, reader, ids).await?;
        let items = found
            .into_iter()
            .filter_map(|(source, Row { item, score, reasons })| {
                let item = items.remove(&(kind.name().to_owned(), item))?;
                let model_version = match source {
                    "meaning" => meaning.version().unwrap_or_default(),
                    source => format!("{source}/1"),
                };
                Some(Similar { item, source, score, reasons, model_version, position })
            })
            .collect();
        Answer::json(&SimilarItems { items })
    })
    .await
}

/// Those of the same kind that say much the same, where readers tell too little.
async fn by_meaning(
    db: &mut PgConnection,
    meaning: &Meaning,
    of: ItemId,
    known: Vec<Uuid>,
    limit: usize,
) -> Result<Vec<Row>, Problem> {
    let Some(vector) = meaning.of_item(&of).await else { return Ok(Vec::new()) };
    // Some of them may be gone by now.
    let near = meaning.nearest(&vector, 2 * limit, move |item, _| {
        item.kind == of.kind && *item != of && !known.contains(&item.id)
    });
    let Ok(near) = near.await else { return Ok(Vec::new()) };
    let (items, scores): (Vec<Uuid>, Vec<f64>) =
        near.into_iter().map(|hit| (hit.id.id, f64::from(hit.score))).unzip();
    let still_there = format!(
        "select c.item, near.score, null::bigint as together, null::bigint as readers_of_this,
                null::bigint as readers_of_that, '{{}}'::text[] as in_common
           from unnest($2::uuid[], $3::float8[]) with ordinality as near (item, score, place)
           join {CATALOGUE} c on (c.kind, c.item) = ($1, near.item) and c.shown
          order by near.place limit $4"
    );
    let rows = sqlx::query_as(&still_there).bind(of.kind.name()).bind(items).bind(scores);
    Ok(rows.bind(i64::try_from(limit).unwrap_or(i64::MAX)).fetch_all(db).await?)
}

fn by_readers() -> String {
    format!(
        "with readers as (
             select reader from readmodel.seen where (kind, item) = ($1, $2)
              order by position desc limit {READERS_MAX}
         ), together as (
             select s.item, count(*) as n
               from readers r
              cross join lateral (
                    select kind, item from readmodel.seen
                     where reader = r.reader order by position desc limit {SEEN_MAX}) s
              where s.kind = $1 and s.item <> $2
              group by s.item having count(*) >= {TOGETHER_MIN}
         )
         select t.item, t.n / sqrt((select count(*) from readers)::float8 * that.readers) as score,
                t.n as together, this.readers as readers_of_this,
                that.readers as readers_of_that, '{{}}'::text[] as in_common
           from together t
           join readmodel.item_signals that on (that.kind, that.item) = ($1, t.item)
           join readmodel.item_signals this on (this.kind, this.item) = ($1, $2)
           join {CATALOGUE} c on (c.kind, c.item) = ($1, t.item) and c.shown
          order by score desc, t.item limit $3"
    )
}

fn by_content() -> String {
    format!(
        "with this as (
             select makers || labels as marks from {CATALOGUE} c where (kind, item) = ($1, $2)
         ), near as (
             select c.item, array(select unnest(c.makers || c.labels)
                                  intersect select unnest(this.marks) order by 1) as in_common
               from {CATALOGUE} c, this
              where c.kind = $1 and c.item <> $2 and c.shown
                and c.item <> all ($4::uuid[]) and (c.makers || c.labels) && this.marks
         )
         select item, cardinality(in_common)::float8 as score, null::bigint as together,
                null::bigint as readers_of_this, null::bigint as readers_of_that, in_common
           from near order by score desc, item limit $3"
    )
}
