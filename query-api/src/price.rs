//! What a product has cost, and since when.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Days, NaiveTime, Utc};
use domain::ItemKind;
use serde::{Deserialize, Serialize};
use service_kit::page::{Limit, Page, decode_cursor};
use service_kit::{Path, Problem, Query};
use sqlx::FromRow;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::audit::Moment;
use crate::item;
use crate::{Answer, App, Asked, Reads};

const READS: Reads = &["products", "prices"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(prices))
}

/// The least that the product `c` has cost since `$3`. A price of before counts if it held then.
pub const LOWEST: &str = "
    select min(p.minor)
      from readmodel.product_prices p
     where p.product = c.product and p.currency = c.currency
       and coalesce((select next.since from readmodel.product_prices next
                      where next.product = p.product and next.position > p.position
                      order by next.position limit 1), 'infinity') > $3";

/// The beginning of a day, so that the answer changes with prices and with the day.
pub fn thirty_days_before(now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let day = now.date_naive().checked_sub_days(Days::new(30))?;
    Some(day.and_time(NaiveTime::MIN).and_utc())
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    /// Only prices that held at this time or later.
    #[param(value_type = Option<DateTime<Utc>>)]
    from: Option<Moment>,
    /// Only prices that held before this time.
    #[param(value_type = Option<DateTime<Utc>>)]
    until: Option<Moment>,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

/// A price, and how long it held.
#[derive(Debug, Serialize, FromRow, ToSchema)]
struct PriceThen {
    /// In the currency's smallest unit.
    minor: i64,
    currency: String,
    since: DateTime<Utc>,
    /// When the next price came; null while this one holds.
    until: Option<DateTime<Utc>>,
    #[serde(skip)]
    position: i64,
}

#[utoipa::path(
    get, path = "/products/{id}/prices", tag = "products", params(("id" = Uuid, Path), Params),
    security(()),
    responses((status = 200, description = "What it cost, newest first", body = Page<PriceThen>))
)]
async fn prices(
    State(app): State<App>,
    asked: Asked,
    Path(product): Path<Uuid>,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let after: Option<i64> = decode_cursor("prices", params.cursor.as_deref())?;
    let [from, until] = [params.from, params.until].map(|moment| moment.map(|Moment(at)| at));
    if from.zip(until).is_some_and(|(from, until)| from >= until) {
        return Err(Problem::invalid("/query/from", "`from` does not come before `until`"));
    }
    let uri = asked.uri.clone();
    app.read(&asked, READS, move |mut view| async move {
        item::must_exist(view.db(), ItemKind::Product, product).await?;
        let rows: Vec<PriceThen> = sqlx::query_as(
            "select minor, currency, since, until, position
               from (select *, lead(since) over (order by position) as until
                       from readmodel.product_prices where product = $1) held
              where ($2::timestamptz is null or until is null or until > $2)
                and ($3::timestamptz is null or since < $3)
                and ($4::bigint is null or position < $4)
              order by position desc limit $5",
        )
        .bind(product)
        .bind(from)
        .bind(until)
        .bind(after)
        .bind(params.limit.rows())
        .fetch_all(view.db())
        .await?;
        let page = Page::of("prices", rows, params.limit, |row| row.position);
        Answer::page(&uri, &page)
    })
    .await
}
