//! Numbers for dashboards, by day, week or month (UTC, of when things happened), as JSON or CSV.

mod courses;
mod products;
mod range;
mod stock;
mod summary;
mod table;

use std::collections::BTreeMap;
use std::fmt::Write;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use service_kit::page::Page;
use service_kit::{Problem, Query};
use sqlx::{FromRow, PgConnection};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{Answer, App, Asked, Reads};
use range::{By, Params, Range};

const READS: Reads = &["analytics"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(summary::summary))
        .routes(routes!(registrations))
        .routes(routes!(enrollments))
        .routes(routes!(orders))
        .routes(routes!(ratings))
        .routes(routes!(activity))
        .routes(routes!(revenue))
        .routes(routes!(courses::courses))
        .routes(routes!(courses::course))
        .routes(routes!(products::products))
        .routes(routes!(stock::stock))
}

/// A series without gaps.
#[derive(Debug, Serialize, ToSchema)]
struct Series<B> {
    as_of: DateTime<Utc>,
    from: NaiveDate,
    to: NaiveDate,
    by: By,
    tz: &'static str,
    buckets: Vec<B>,
}

/// A page of a list, as of when it was made.
#[derive(Debug, Serialize, ToSchema)]
struct Listed<T> {
    as_of: DateTime<Utc>,
    items: Vec<T>,
    /// The cursor of the next page; absent on the last one.
    next: Option<String>,
}

impl<T: Serialize> Listed<T> {
    fn answer(uri: &Uri, as_of: DateTime<Utc>, page: Page<T>) -> Result<Answer, Problem> {
        let link = page.link(uri);
        let Page { items, next } = page;
        Ok(Answer::json(&Self { as_of, items, next })?.linked(link))
    }
}

/// One day, week or month, with its numbers by name.
#[derive(Debug, Serialize, ToSchema)]
struct Bucket {
    start: NaiveDate,
    /// It has not ended yet, or the range cuts it.
    partial: bool,
    #[serde(flatten)]
    numbers: BTreeMap<String, i64>,
}

#[utoipa::path(
    get, path = "/analytics/registrations", tag = "analytics", params(Params),
    security(("bearer" = ["analyst"]), ("bearer" = ["auditor"]), ("bearer" = ["operator"])),
    responses((status = 200, description = "New accounts", body = Series<Bucket>))
)]
async fn registrations(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    series(app, asked, params, &["registrations"], false).await
}

#[utoipa::path(
    get, path = "/analytics/enrollments", tag = "analytics", params(Params),
    security(("bearer" = ["analyst"]), ("bearer" = ["auditor"]), ("bearer" = ["operator"])),
    responses((status = 200, description = "Enrollments, withdrawals and completed courses",
               body = Series<Bucket>))
)]
async fn enrollments(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    series(app, asked, params, &["enrollments", "withdrawals", "completions"], false).await
}

#[utoipa::path(
    get, path = "/analytics/orders", tag = "analytics", params(Params),
    security(("bearer" = ["analyst"]), ("bearer" = ["auditor"]), ("bearer" = ["operator"])),
    responses((status = 200, description = "Orders by what happened to them",
               body = Series<Bucket>))
)]
async fn orders(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let measures = &[
        "orders_placed",
        "orders_confirmed",
        "orders_rejected",
        "orders_shipped",
        "orders_delivered",
        "orders_cancelled",
    ];
    series(app, asked, params, measures, false).await
}

#[utoipa::path(
    get, path = "/analytics/ratings", tag = "analytics", params(Params),
    security(("bearer" = ["analyst"]), ("bearer" = ["auditor"]), ("bearer" = ["operator"])),
    responses((status = 200, description = "Ratings given, with their points; changed; withdrawn",
               body = Series<Bucket>))
)]
async fn ratings(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let measures = &["ratings", "rating_points", "rating_changes", "ratings_withdrawn"];
    series(app, asked, params, measures, false).await
}

#[utoipa::path(
    get, path = "/analytics/activity", tag = "analytics", params(Params),
    security(("bearer" = ["analyst"]), ("bearer" = ["auditor"]), ("bearer" = ["operator"])),
    responses((status = 200, description = "Active people, ratings and follows",
               body = Series<Bucket>))
)]
async fn activity(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    series(app, asked, params, &["ratings", "follows"], true).await
}

async fn series(
    app: App,
    asked: Asked,
    params: Params,
    measures: &'static [&'static str],
    with_active: bool,
) -> Result<Response, Problem> {
    let csv = params.wants_csv() || asked.wants_csv();
    let range = Range::of(params, asked.now)?;
    app.read(&asked, READS, move |mut view| async move {
        let mut numbers = counted(view.db(), &range, measures).await?;
        if with_active {
            numbers.extend(active(view.db(), &range).await?);
        }
        let buckets = buckets(&range, numbers);
        if csv { Ok(Answer::csv(as_csv(&buckets))) } else { Answer::json(&range.series(buckets)) }
    })
    .await
}

fn buckets(range: &Range, numbers: Vec<(NaiveDate, String, i64)>) -> Vec<Bucket> {
    let mut buckets: BTreeMap<NaiveDate, BTreeMap<String, i64>> = BTreeMap::new();
    for (start, measure, n) in numbers {
        buckets.entry(start).or_default().insert(measure, n);
    }
    let bucket = |(start, numbers)| Bucket { start, partial: range.is_partial(start), numbers };
    buckets.into_iter().map(bucket).collect()
}

async fn counted(
    db: &mut PgConnection,
    range: &Range,
    measures: &[&str],
) -> Result<Vec<(NaiveDate, String, i64)>, Problem> {
    Ok(sqlx::query_as(
        "select date_trunc($3, days.day)::date as start, measure, coalesce(sum(c.n), 0)::bigint
           from generate_series($1::timestamp, $2::timestamp, '1 day') as days (day)
          cross join unnest($4::text[]) as asked (measure)
           left join readmodel.daily_counts c using (measure, day)
          group by start, measure",
    )
    .bind(range.first())
    .bind(range.last())
    .bind(range.by.name())
    .bind(measures)
    .fetch_all(db)
    .await?)
}

/// People who did anything, each counted once per bucket.
async fn active(
    db: &mut PgConnection,
    range: &Range,
) -> Result<Vec<(NaiveDate, String, i64)>, Problem> {
    Ok(sqlx::query_as(
        "select date_trunc($3, days.day)::date as start, 'active_people',
                count(distinct a.account)::bigint
           from generate_series($1::timestamp, $2::timestamp, '1 day') as days (day)
           left join readmodel.daily_activity a using (day)
          group by start",
    )
    .bind(range.first())
    .bind(range.last())
    .bind(range.by.name())
    .fetch_all(db)
    .await?)
}

fn as_csv(buckets: &[Bucket]) -> String {
    let mut csv = "start,partial".to_owned();
    if let Some(first) = buckets.first() {
        for name in first.numbers.keys() {
            csv.push(',');
            csv.push_str(name);
        }
    }
    csv.push_str("\r\n");
    for Bucket { start, partial, numbers } in buckets {
        let _ = write!(csv, "{start},{partial}");
        for n in numbers.values() {
            let _ = write!(csv, ",{n}");
        }
        csv.push_str("\r\n");
    }
    csv
}

/// One day, week or month of sales in one currency.
#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Sold {
    start: NaiveDate,
    #[sqlx(skip)]
    partial: bool,
    currency: String,
    /// Confirmed and not cancelled since.
    orders: i64,
    /// In the currency's smallest unit.
    minor: i64,
}

#[utoipa::path(
    get, path = "/analytics/revenue", tag = "analytics", params(Params),
    security(("bearer" = ["analyst"]), ("bearer" = ["auditor"]), ("bearer" = ["operator"])),
    responses((status = 200, description = "Revenue by day of placing and currency",
               body = Series<Sold>))
)]
async fn revenue(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let csv = params.wants_csv() || asked.wants_csv();
    let range = Range::of(params, asked.now)?;
    app.read(&asked, READS, move |mut view| async move {
        let mut sold: Vec<Sold> = sqlx::query_as(
            "select date_trunc($3, days.day)::date as start, currency,
                    coalesce(sum(r.orders), 0)::bigint as orders,
                    coalesce(sum(r.minor), 0)::bigint as minor
               from generate_series($1::timestamp, $2::timestamp, '1 day') as days (day)
              cross join (select distinct currency from readmodel.daily_revenue) known
               left join readmodel.daily_revenue r using (currency, day)
              group by start, currency order by start, currency",
        )
        .bind(range.first())
        .bind(range.last())
        .bind(range.by.name())
        .fetch_all(view.db())
        .await?;
        for bucket in &mut sold {
            bucket.partial = range.is_partial(bucket.start);
        }
        if !csv {
            return Answer::json(&range.series(sold));
        }
        let mut text = "start,partial,currency,orders,minor\r\n".to_owned();
        for Sold { start, partial, currency, orders, minor } in &sold {
            let _ = write!(text, "{start},{partial},{currency},{orders},{minor}\r\n");
        }
        Ok(Answer::csv(text))
    })
    .await
}
