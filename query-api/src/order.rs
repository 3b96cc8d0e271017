//! Orders: mine, or everybody's for those who handle them.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::Role;
use domain::order::Status;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::page::{Limit, Page, decode_cursor};
use service_kit::{Path, Problem, Query, schema};
use sqlx::FromRow;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{Answer, App, Asked, Reads};

const READS: Reads = &["orders"];
const PAGE_READS: Reads = &["orders", "item_ratings"];

/// Who may see the orders of others.
const HANDLERS: [Role; 2] = [Role::Merchandiser, Role::Operator];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(mine)).routes(routes!(orders)).routes(routes!(order))
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Order {
    id: Uuid,
    /// `ORD-YYYYMMDD-NNNNNN`
    number: String,
    customer: Uuid,
    /// `PENDING`, `CONFIRMED`, `REJECTED`, `SHIPPED`, `DELIVERED` or `CANCELLED`
    status: String,
    #[sqlx(flatten)]
    total: Total,
    line_count: i32,
    /// Why it was rejected.
    #[schema(value_type = Option<Object>)]
    reason: Option<Value>,
    placed_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    #[serde(skip)]
    sequence: i64,
    #[serde(skip)]
    position: i64,
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Total {
    #[sqlx(rename = "total_minor")]
    minor: i64,
    currency: String,
}

const COLUMNS: &str = "order_id as id, number, customer, status, total_minor, currency,
    line_count, reason, placed_at, changed_at, sequence, position";

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Mine {
    #[param(inline, value_type = Option<schema::OrderStatus>)]
    status: Option<Status>,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

#[utoipa::path(
    get, path = "/accounts/me/orders", tag = "orders", params(Mine),
    responses((status = 200, description = "My orders, newest first", body = Page<Order>))
)]
async fn mine(
    State(app): State<App>,
    asked: Asked,
    Query(Mine { status, limit, cursor }): Query<Mine>,
) -> Result<Response, Problem> {
    let customer = Some(asked.member()?.uuid());
    list(app, asked, Params { customer, status, limit, cursor }).await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    customer: Option<Uuid>,
    #[param(inline, value_type = Option<schema::OrderStatus>)]
    status: Option<Status>,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

#[utoipa::path(
    get, path = "/orders", tag = "orders", params(Params),
    responses((status = 200, description = "Orders, newest first", body = Page<Order>))
)]
async fn orders(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    if params.customer != Some(asked.member()?.uuid()) {
        asked.require_any(&HANDLERS)?;
    }
    list(app, asked, params).await
}

async fn list(app: App, asked: Asked, params: Params) -> Result<Response, Problem> {
    let after: Option<i64> = decode_cursor("orders", params.cursor.as_deref())?;
    let uri = asked.uri.clone();
    app.read(&asked, READS, move |mut view| async move {
        let rows: Vec<Order> = sqlx::query_as(&format!(
            "select {COLUMNS} from readmodel.orders
              where ($1::uuid is null or customer = $1) and ($2::text is null or status = $2)
                and ($3::bigint is null or position < $3)
              order by position desc limit $4",
        ))
        .bind(params.customer)
        .bind(params.status.map(Status::name))
        .bind(after)
        .bind(params.limit.rows())
        .fetch_all(view.db())
        .await?;
        Answer::page(&uri, &Page::of("orders", rows, params.limit, |order| order.position))
    })
    .await
}

/// An order with its lines and what happened to it.
#[derive(Debug, Serialize, ToSchema)]
struct OrderPage {
    #[serde(flatten)]
    order: Order,
    lines: Vec<Line>,
    timeline: Vec<Step>,
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Line {
    line: i32,
    product_id: Uuid,
    sku: String,
    name: String,
    /// What I gave it.
    my_rating: Option<i16>,
    quantity: i64,
    /// In the smallest unit of the order's currency.
    unit_price_minor: i64,
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
#[schema(as = OrderStep)]
struct Step {
    /// Of the order, from then on.
    status: String,
    /// What became of its payment: `REQUESTED`, `TAKEN`, `DECLINED`, `FAILED` (it is asked for
    /// again), `GIVEN_UP` or `REFUNDED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<String>,
    /// The provider's reference of what was taken, or why it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    at: DateTime<Utc>,
    #[schema(value_type = Option<Object>)]
    reason: Option<Value>,
    /// Who cancelled it.
    by: Option<Uuid>,
}

#[utoipa::path(
    get, path = "/orders/{id}", tag = "orders", params(("id" = Uuid, Path)),
    responses((status = 200, description = "An order", body = OrderPage))
)]
async fn order(
    State(app): State<App>,
    asked: Asked,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let reader = asked.member()?.uuid();
    let handles = HANDLERS.iter().any(|role| asked.has(*role));
    app.read(&asked, PAGE_READS, move |mut view| async move {
        let order: Option<Order> = sqlx::query_as(&format!(
            "select {COLUMNS} from readmodel.orders where order_id = $1 and ($2 or customer = $3)",
        ))
        .bind(id)
        .bind(handles)
        .bind(reader)
        .fetch_optional(view.db())
        .await?;
        let order =
            order.ok_or_else(|| Problem::not_found("order-unknown", "there is no such order"))?;
        let lines: Vec<Line> = sqlx::query_as(
            "select l.line, l.product as product_id, l.sku, l.name, mine.score as my_rating,
                    l.quantity, l.unit_price_minor
               from readmodel.order_lines l
               left join readmodel.reader_ratings mine
                 on (mine.reader, mine.kind, mine.item) = ($2, 'product', l.product)
              where l.order_id = $1 order by l.line",
        )
        .bind(id)
        .bind(reader)
        .fetch_all(view.db())
        .await?;
        let timeline: Vec<Step> = sqlx::query_as(
            "select status, payment, detail, at, reason, by_account as by
               from readmodel.order_timeline where order_id = $1 order by position",
        )
        .bind(id)
        .fetch_all(view.db())
        .await?;
        let sequence = order.sequence;
        Ok(Answer::json(&OrderPage { order, lines, timeline })?.of_sequence(sequence))
    })
    .await
}
