//! How fast the stock turns over.
//!
//! Turnover = pieces shipped / pieces on hand on average. On hand is what is in the house at the
//! end of a day, promised or not; the average is over all days of a bucket, or of the whole range,
//! up to today. It is 2 when twice of what usually lies there was shipped, and null where nothing
//! lay there.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use domain::ItemKind;
use serde::{Deserialize, Serialize};
use service_kit::{Problem, Query};
use sqlx::FromRow;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::range::{By, Format, Params, Range};
use super::table::csv;
use crate::{Answer, App, Asked, Reads, item};

const READS: Reads = &["turnover", "products"];

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct StockParams {
    /// First day; 29 days before `to` unless told.
    from: Option<NaiveDate>,
    /// Last day; today unless told.
    to: Option<NaiveDate>,
    #[serde(default)]
    #[param(inline)]
    by: By,
    /// `UTC`, the time zone of all days.
    tz: Option<String>,
    /// `json` or `csv`; without it, what Accept asks for.
    #[param(inline)]
    format: Option<Format>,
    /// Of this product alone; else of all together.
    product: Option<Uuid>,
}

/// Pieces, of one bucket or of the whole range.
#[derive(Debug, Clone, Copy, Serialize, FromRow, ToSchema)]
#[schema(as = PiecesMoved)]
struct Pieces {
    received: i64,
    shipped: i64,
    /// By counts and corrections; negative where more went than came.
    adjusted: i64,
    /// At the end.
    on_hand: i64,
    average_on_hand: Option<f64>,
    turnover: Option<f64>,
}

/// One day, week or month.
#[derive(Debug, Serialize, ToSchema)]
struct StockBucket {
    start: NaiveDate,
    /// It has not ended yet, or the range cuts it.
    partial: bool,
    #[serde(flatten)]
    pieces: Pieces,
}

/// A series without gaps, and the same for the whole range.
#[derive(Debug, Serialize, ToSchema)]
struct StockSeries {
    as_of: DateTime<Utc>,
    from: NaiveDate,
    to: NaiveDate,
    by: By,
    tz: &'static str,
    whole: Pieces,
    buckets: Vec<StockBucket>,
}

#[derive(FromRow)]
struct Row {
    /// None: the whole range.
    start: Option<NaiveDate>,
    #[sqlx(flatten)]
    pieces: Pieces,
}

#[utoipa::path(
    get, path = "/analytics/stock", tag = "analytics", params(StockParams),
    security(("bearer" = ["analyst"]), ("bearer" = ["auditor"]), ("bearer" = ["operator"])),
    responses((status = 200, description = "What came and went, and how fast the stock turns over",
               body = StockSeries))
)]
pub(super) async fn stock(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<StockParams>,
) -> Result<Response, Problem> {
    let StockParams { from, to, by, tz, format, product } = params;
    let params = Params { from, to, by, tz, format };
    let as_csv = params.wants_csv() || asked.wants_csv();
    let range = Range::of(params, asked.now)?;
    app.read(&asked, READS, move |mut view| async move {
        if let Some(product) = product {
            item::must_exist(view.db(), ItemKind::Product, product).await?;
        }
        let rows: Vec<Row> = sqlx::query_as(STOCK)
            .bind(range.first())
            .bind(range.last())
            .bind(range.by.name())
            .bind(product)
            .bind(range.today())
            .fetch_all(view.db())
            .await?;
        let whole = rows.iter().find(|row| row.start.is_none()).map(|row| row.pieces);
        let whole = whole.ok_or_else(|| Problem::internal("a range has a day at least"))?;
        let bucket = |Row { start, pieces }| {
            start.map(|start| StockBucket { start, partial: range.is_partial(start), pieces })
        };
        let buckets: Vec<StockBucket> = rows.into_iter().filter_map(bucket).collect();
        if as_csv {
            return Ok(Answer::csv(csv(HEADER, &buckets, line)));
        }
        let super::Series { as_of, from, to, by, tz, buckets } = range.series(buckets);
        Answer::json(&StockSeries { as_of, from, to, by, tz, whole, buckets })
    })
    .await
}

/// One row a bucket in their order, and one for the whole range.
const STOCK: &str = "
    with moved as (
        select day, sum(received) as received, sum(shipped) as shipped, sum(adjusted) as adjusted
          from readmodel.daily_stock
         where day <= $2 and ($4::uuid is null or product = $4)
         group by day
    ), opening as (
        select coalesce(sum(received - shipped + adjusted), 0) as on_hand
          from moved where day < $1
    ), levels as (
        select date_trunc($3, days.day)::date as start, days.day::date as day,
               coalesce(received, 0) as received, coalesce(shipped, 0) as shipped,
               coalesce(adjusted, 0) as adjusted,
               opening.on_hand + sum(coalesce(received - shipped + adjusted, 0))
                                     over (order by days.day) as on_hand
          from generate_series($1::timestamp, $2::timestamp, '1 day') as days (day)
         cross join opening
          left join moved on moved.day = days.day
    )
    select start, sum(received)::bigint as received, sum(shipped)::bigint as shipped,
           sum(adjusted)::bigint as adjusted,
           (array_agg(on_hand order by day desc))[1]::bigint as on_hand,
           round(avg(on_hand) filter (where day <= $5), 4)::float8 as average_on_hand,
           round(sum(shipped) / nullif(avg(on_hand) filter (where day <= $5), 0), 4)::float8
               as turnover
      from levels
     group by grouping sets ((start), ())
     order by start nulls last";

const HEADER: &str = "start,partial,received,shipped,adjusted,on_hand,average_on_hand,turnover";

fn line(bucket: &StockBucket) -> String {
    let StockBucket { start, partial, pieces } = bucket;
    let Pieces { received, shipped, adjusted, on_hand, average_on_hand, turnover } = pieces;
    let [average, turnover] =
        [average_on_hand, turnover].map(|number| number.map_or(String::new(), |n| n.to_string()));
    format!("{start},{partial},{received},{shipped},{adjusted},{on_hand},{average},{turnover}")
}
