//! What sells.

use axum::extract::State;
use axum::response::Response;
use chrono::NaiveDate;
use domain::Currency;
use serde::{Deserialize, Serialize};
use service_kit::page::{Limit, Page, decode_cursor};
use service_kit::{Problem, Query};
use sqlx::FromRow;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::Listed;
use super::range::{By, Format, Params, Range};
use super::table::{cell, csv};
use crate::{Answer, App, Asked, Reads};

const READS: Reads = &["sales", "products"];

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Sort {
    #[default]
    Units,
    /// Currency by currency: amounts in different ones cannot be compared.
    Revenue,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    /// First day; 29 days before `to` unless told.
    from: Option<NaiveDate>,
    /// Last day; today unless told.
    to: Option<NaiveDate>,
    /// `UTC`, the time zone of all days.
    tz: Option<String>,
    /// `json` or `csv`; without it, what Accept asks for.
    #[param(inline)]
    format: Option<Format>,
    /// `units` (unless told), or `revenue`, currency by currency
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
    /// Only what was sold in this currency.
    #[param(value_type = Option<String>)]
    currency: Option<Currency>,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

/// What was sold of a product in the range: in orders placed then, confirmed, and not cancelled
/// since.
#[derive(Debug, Serialize, FromRow, ToSchema)]
struct ProductSales {
    product: Uuid,
    sku: String,
    name: String,
    currency: String,
    orders: i64,
    units: i64,
    /// Revenue, in the currency's smallest unit.
    minor: i64,
}

/// The sort key: the currency, when it comes first; the number; the product; the currency.
type Key = (String, i64, Uuid, String);

#[utoipa::path(
    get, path = "/analytics/products", tag = "analytics", params(ListParams),
    security(("bearer" = ["analyst"]), ("bearer" = ["auditor"]), ("bearer" = ["operator"])),
    responses((status = 200, description = "What sold best: units and revenue per product and \
               currency", body = Listed<ProductSales>))
)]
pub(super) async fn products(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<ListParams>,
) -> Result<Response, Problem> {
    let ListParams { from, to, tz, format, sort, currency, limit, cursor } = params;
    let params = Params { from, to, tz, format, by: By::Day };
    let as_csv = params.wants_csv() || asked.wants_csv();
    let as_of = asked.now;
    let (from, to) = Range::of(params, as_of)?.days();
    let (list, first, number) = match sort {
        Sort::Units => ("products-by-units", "''::text", "units"),
        Sort::Revenue => ("products-by-revenue", "currency", "minor"),
    };
    let after: Option<Key> = decode_cursor(list, cursor.as_deref())?;
    let after = after.unwrap_or_else(|| (String::new(), i64::MAX, Uuid::max(), String::new()));
    let uri = asked.uri.clone();
    app.read(&asked, READS, move |mut view| async move {
        let rows: Vec<ProductSales> = sqlx::query_as(&format!(
            "select * from (
                 select s.product, p.sku, p.name, s.currency, sum(s.orders)::bigint as orders,
                        sum(s.units)::bigint as units, sum(s.minor)::bigint as minor
                   from readmodel.daily_sales s
                   join readmodel.products p using (product)
                  where s.day between $1 and $2 and ($3::text is null or s.currency = $3)
                  group by s.product, p.sku, p.name, s.currency) sold
              where units > 0
                and ({first} > $4
                     or {first} = $4 and ({number}, product, currency) < ($5, $6, $7))
              order by {first}, {number} desc, product desc, currency desc limit $8",
        ))
        .bind(from)
        .bind(to)
        .bind(currency.map(|currency| currency.to_string()))
        .bind(after.0)
        .bind(after.1)
        .bind(after.2)
        .bind(after.3)
        .bind(limit.rows())
        .fetch_all(view.db())
        .await?;
        let page = Page::of(list, rows, limit, |row| match sort {
            Sort::Units => (String::new(), row.units, row.product, row.currency.clone()),
            Sort::Revenue => (row.currency.clone(), row.minor, row.product, row.currency.clone()),
        });
        if !as_csv {
            return Listed::answer(&uri, as_of, page);
        }
        let text = csv("product,sku,name,currency,orders,units,minor", &page.items, |row| {
            let ProductSales { product, sku, name, currency, orders, units, minor } = row;
            let (sku, name) = (cell(sku), cell(name));
            format!("{product},{sku},{name},{currency},{orders},{units},{minor}")
        });
        Ok(Answer::csv(text).linked(page.link(&uri)))
    })
    .await
}
