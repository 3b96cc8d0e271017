//! The best rated items of the last days or of all time.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Days, Utc};
use domain::ItemKind;
use serde::{Deserialize, Serialize};
use service_kit::{Problem, Query, schema};
use sqlx::FromRow;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

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
    #[serde(default)]
    #[param(inline)]
    period: Period,
    genre: Option<String>,
    /// 10 unless told, at most 100.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 100)]
    limit: Option<u8>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Period {
    Week,
    Month,
    #[default]
    All,
}

impl Period {
    /// Whole days, so that a list changes with events and with the day, not with every second.
    fn since(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let days = match self {
            Self::Week => 6,
            Self::Month => 29,
            Self::All => return None,
        };
        let first = now.date_naive().checked_sub_days(Days::new(days))?;
        Some(first.and_time(chrono::NaiveTime::MIN).and_utc())
    }
}

/// The best rated items.
#[derive(Debug, Serialize, ToSchema)]
struct Top {
    period: Period,
    since: Option<DateTime<Utc>>,
    items: Vec<Ranked>,
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Ranked {
    rank: i64,
    #[sqlx(flatten)]
    #[serde(flatten)]
    item: Item,
    /// Bayesian average within the period, with a prior of five average ratings.
    score: f64,
    ratings_in_period: i64,
}

#[utoipa::path(
    get, path = "/top", tag = "recommendations", params(Params), security(()),
    responses((status = 200, description = "The best rated", body = Top))
)]
async fn top(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let limit = i64::from(params.limit.unwrap_or(10));
    if !(1..=100).contains(&limit) {
        return Err(Problem::invalid("/query/limit", "a limit goes from 1 to 100"));
    }
    let since = params.period.since(asked.now);
    app.read(&asked, item::READS, move |mut view| async move {
        let items: Vec<Ranked> = sqlx::query_as(&select(since.is_some()))
            .bind(params.kind.unwrap_or(ItemKind::Book).name())
            .bind(params.genre.map(|genre| genre.trim().to_lowercase()))
            .bind(limit)
            .bind(since)
            .fetch_all(view.db())
            .await?;
        Answer::json(&Top { period: params.period, since, items })
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
    format!(
        "with rated as ({rated}), mean as (
             select sum(points)::float8 / nullif(sum(ratings), 0) as points from rated
         ), scored as (
             select item, ratings, (5 * mean.points + rated.points) / (5 + ratings) as score
               from rated, mean
         )
         select row_number() over (order by s.score desc, s.ratings desc, s.item) as rank,
                {COLUMNS}, s.score, s.ratings as ratings_in_period
           from scored s
           join {CATALOGUE} c on (c.kind, c.item) = ($1, s.item) and c.shown
           left join readmodel.item_ratings r on (r.kind, r.item) = (c.kind, c.item)
          where $2::text is null or $2 = any (c.labels)
          order by rank limit $3"
    )
}
