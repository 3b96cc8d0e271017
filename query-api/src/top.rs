//! The best rated items of the last days or of all time.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::weekly::Period;
use domain::{ItemKind, Tag};
use processes::bayesian_average;
use serde::{Deserialize, Serialize};
use service_kit::page::{Limit, Page, decode_cursor};
use service_kit::{Problem, Query, schema};
use sqlx::FromRow;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::item::{self, CATALOGUE, COLUMNS, Item};
use crate::{Answer, App, Asked};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(top))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    /// `book` (unless told), `course` or `product`
    #[param(inline, value_type = Option<schema::ItemKind>)]
    kind: Option<ItemKind>,
    /// `week`, `month` or `all` (unless told)
    #[param(inline, value_type = Option<schema::Period>)]
    period: Option<Period>,
    #[param(inline, value_type = Option<schema::Tag>)]
    genre: Option<Tag>,
    /// 10 unless told, at most 200.
    #[param(value_type = Option<u16>)]
    limit: Option<Limit>,
    cursor: Option<String>,
}

/// Ranks of one page, unless told.
const RANKS: i64 = 10;

/// The best rated items.
#[derive(Debug, Serialize, ToSchema)]
struct Top {
    #[schema(value_type = schema::Period)]
    period: Period,
    since: Option<DateTime<Utc>>,
    items: Vec<Ranked>,
    /// The cursor of the next page; absent on the last one.
    next: Option<String>,
}

/// The sort key of an item: its score, as bits, so that it comes back as it went; its ratings; its id.
type Key = (u64, i64, Uuid);

/// An item in a list of the best rated.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct Ranked {
    pub(crate) rank: i64,
    #[sqlx(flatten)]
    #[serde(flatten)]
    item: Item,
    /// Bayesian average within the period, with a prior of five average ratings.
    score: f64,
    ratings_in_period: i64,
}

#[utoipa::path(
    get, path = "/top", tag = "recommendations", params(Params), security(()),
    responses((status = 200, description = "The best rated, in pages", body = Top))
)]
async fn top(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let limit = match params.limit {
        Some(limit) => limit,
        None => Limit::try_from(RANKS).map_err(Problem::internal)?,
    };
    let kind = params.kind.unwrap_or(ItemKind::Book).name();
    let period = params.period.unwrap_or(Period::All);
    let list = format!("top {kind} {period:?} {:?}", params.genre);
    let after: Option<Key> = decode_cursor(&list, params.cursor.as_deref())?;
    let reader = asked.account().map(|account| account.uuid());
    let since = period.since(asked.now.date_naive());
    let uri = asked.uri.clone();
    app.read(&asked, item::READS, move |mut view| async move {
        let items: Vec<Ranked> = sqlx::query_as(&select(since.is_some()))
            .bind(kind)
            .bind(params.genre.map(|genre| genre.to_string()))
            .bind(limit.rows())
            .bind(since)
            .bind(reader)
            .bind(after.map(|(score, ..)| f64::from_bits(score)))
            .bind(after.map(|(_, ratings, _)| ratings))
            .bind(after.map(|(.., item)| item))
            .fetch_all(view.db())
            .await?;
        let page = Page::of(&list, items, limit, |ranked| {
            (ranked.score.to_bits(), ranked.ratings_in_period, ranked.item.id)
        });
        let link = page.link(&uri);
        let Page { items, next } = page;
        Ok(Answer::json(&Top { period, since, items, next })?.linked(link))
    })
    .await
}

fn select(within: bool) -> String {
    let rated = if within {
        "select item, count(*) as ratings, sum(score) as points from readmodel.reader_ratings
          where kind = $1 and rated_at >= $4 group by item"
    } else {
        "select item, ratings, points from readmodel.item_ratings
          where kind = $1 and ratings > 0 and $4::timestamptz is null"
    };
    let score = bayesian_average("mean.points", "rated.points", "ratings");
    format!(
        "with rated as ({rated}), mean as materialized (
             select sum(points)::float8 / nullif(sum(ratings), 0) as points from rated
         ), scored as (
             select item, ratings, {score} as score
               from rated, mean
         )
         select * from (
             select row_number() over (order by s.score desc, s.ratings desc, s.item) as rank,
                    {COLUMNS}, s.score, s.ratings as ratings_in_period
               from scored s
               join {CATALOGUE} c on (c.kind, c.item) = ($1, s.item) and c.shown
               left join readmodel.item_ratings r on (r.kind, r.item) = (c.kind, c.item)
               left join readmodel.reader_ratings mine
                 on (mine.reader, mine.kind, mine.item) = ($5, c.kind, c.item)
              where $2::text is null or $2 = any (c.labels)) ranked
          where $6::float8 is null
             or (score, ratings_in_period) < ($6, $7)
             or (score, ratings_in_period) = ($6, $7) and id > $8
          order by rank limit $3"
    )
}
