//! The business on one page.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use service_kit::{Problem, Query};
use sqlx::FromRow;
use utoipa::ToSchema;

use super::range::{Params, Range};
use crate::{Answer, App, Asked, Reads};

const READS: Reads = &["analytics", "profiles", "books", "courses", "products", "orders"];

/// What there is now, and what happened in the range.
#[derive(Debug, Serialize, ToSchema)]
struct Summary {
    as_of: DateTime<Utc>,
    from: NaiveDate,
    to: NaiveDate,
    tz: &'static str,
    /// `accounts`, `books`, `courses`, `products`: those in use now.
    now: BTreeMap<String, i64>,
    /// Orders there are, by status.
    orders_by_status: BTreeMap<String, i64>,
    /// Sums over the range, such as `registrations` and `orders_placed`.
    in_range: BTreeMap<String, i64>,
    active_people: i64,
    revenue: Vec<Revenue>,
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Revenue {
    currency: String,
    orders: i64,
    minor: i64,
}

#[utoipa::path(
    get, path = "/analytics/summary", tag = "analytics", params(Params),
    security(("bearer" = ["analyst"]), ("bearer" = ["auditor"]), ("bearer" = ["operator"])),
    responses((status = 200, description = "The business on one page", body = Summary))
)]
pub(super) async fn summary(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let csv = params.wants_csv() || asked.wants_csv();
    let as_of = asked.now;
    let range = Range::of(params, as_of)?;
    app.read(&asked, READS, move |mut view| async move {
        let (from, to) = range.days();
        let db = view.db();
        let now: Vec<(String, i64)> = sqlx::query_as(
            "select 'accounts', count(*) from readmodel.profiles where state = 'active'
             union all select 'books', count(*) from readmodel.books where not withdrawn
             union all select 'courses', count(*) from readmodel.courses where state = 'published'
             union all select 'products', count(*) from readmodel.products where not discontinued",
        )
        .fetch_all(&mut *db)
        .await?;
        let by_status: Vec<(String, i64)> =
            sqlx::query_as("select status, count(*) from readmodel.orders group by status")
                .fetch_all(&mut *db)
                .await?;
        let in_range: Vec<(String, i64)> = sqlx::query_as(
            "select measure, sum(n)::bigint from readmodel.daily_counts
              where day between $1 and $2 group by measure",
        )
        .bind(from)
        .bind(to)
        .fetch_all(&mut *db)
        .await?;
        let active_people: i64 = sqlx::query_scalar(
            "select count(distinct account) from readmodel.daily_activity
              where day between $1 and $2",
        )
        .bind(from)
        .bind(to)
        .fetch_one(&mut *db)
        .await?;
        let revenue: Vec<Revenue> = sqlx::query_as(
            "select currency, sum(orders)::bigint as orders, sum(minor)::bigint as minor
               from readmodel.daily_revenue
              where day between $1 and $2 group by currency order by currency",
        )
        .bind(from)
        .bind(to)
        .fetch_all(&mut *db)
        .await?;
        let summary = Summary {
            as_of,
            from,
            to,
            tz: "UTC",
            now: now.into_iter().collect(),
            orders_by_status: by_status.into_iter().collect(),
            in_range: in_range.into_iter().collect(),
            active_people,
            revenue,
        };
        if csv { Ok(Answer::csv(as_csv(&summary))) } else { Answer::json(&summary) }
    })
    .await
}

/// One line per number: its group, its name, the number.
fn as_csv(summary: &Summary) -> String {
    let mut lines = vec!["group,name,number".to_owned()];
    let groups = [
        ("now", &summary.now),
        ("orders_by_status", &summary.orders_by_status),
        ("in_range", &summary.in_range),
    ];
    for (group, numbers) in groups {
        lines.extend(numbers.iter().map(|(name, n)| format!("{group},{name},{n}")));
    }
    lines.push(format!("in_range,active_people,{}", summary.active_people));
    for Revenue { currency, orders, minor } in &summary.revenue {
        lines.push(format!("revenue_orders,{currency},{orders}"));
        lines.push(format!("revenue_minor,{currency},{minor}"));
    }
    lines.push(String::new());
    lines.join("\r\n")
}
