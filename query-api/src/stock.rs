//! How much of a product there is, and what moved it.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::ItemKind;
use serde::Serialize;
use service_kit::page::{Page, Paging, decode_cursor};
use service_kit::{Path, Problem, Query};
use sqlx::FromRow;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::item;
use crate::{Answer, App, Asked, Reads};

const READS: Reads = &["products", "stock"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(level)).routes(routes!(movements))
}

/// Available = on hand - reserved. What never came in is zero.
#[derive(Debug, Serialize, FromRow, ToSchema)]
#[schema(as = StockLevel)]
struct Level {
    product: Uuid,
    on_hand: i64,
    reserved: i64,
    available: i64,
    reorder_level: Option<i64>,
    /// At or below the reorder level.
    low: bool,
    changed_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    sequence: i64,
}

#[utoipa::path(
    get, path = "/stock/{product}", tag = "stock", params(("product" = Uuid, Path)),
    responses((status = 200, description = "How much there is", body = Level))
)]
async fn level(
    State(app): State<App>,
    asked: Asked,
    Path(product): Path<Uuid>,
) -> Result<Response, Problem> {
    asked.member()?;
    app.read(&asked, READS, move |mut view| async move {
        let level: Option<Level> = sqlx::query_as(
            "select p.product, coalesce(on_hand, 0) as on_hand, coalesce(reserved, 0) as reserved,
                    coalesce(on_hand - reserved, 0) as available, reorder_level,
                    coalesce(on_hand - reserved <= reorder_level, false) as low,
                    s.changed_at, coalesce(s.sequence, 0) as sequence
               from readmodel.products p
               left join readmodel.stock_levels s on s.product = p.product
              where p.product = $1",
        )
        .bind(product)
        .fetch_optional(view.db())
        .await?;
        let level = level.ok_or_else(|| item::unknown(ItemKind::Product))?;
        Ok(Answer::json(&level)?.of_sequence(level.sequence))
    })
    .await
}

/// Something that happened to the stock of a product, and how it stood afterwards.
#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Movement {
    position: i64,
    /// `received`, `adjusted`, `reserved`, `refused`, `released` or `shipped`
    movement: String,
    quantity: i64,
    order: Option<Uuid>,
    reason: Option<String>,
    on_hand: i64,
    reserved: i64,
    at: DateTime<Utc>,
}

#[utoipa::path(
    get, path = "/stock/{product}/movements", tag = "stock",
    params(("product" = Uuid, Path), Paging),
    security(
        ("bearer" = ["merchandiser"]),
        ("bearer" = ["operator"]),
        ("bearer" = ["analyst"]),
        ("bearer" = ["auditor"]),
    ),
    responses((status = 200, description = "What moved, newest first", body = Page<Movement>))
)]
async fn movements(
    State(app): State<App>,
    asked: Asked,
    Path(product): Path<Uuid>,
    Query(params): Query<Paging>,
) -> Result<Response, Problem> {
    let after: Option<i64> = decode_cursor("stock-movements", params.cursor.as_deref())?;
    let uri = asked.uri.clone();
    app.read(&asked, READS, move |mut view| async move {
        item::must_exist(view.db(), ItemKind::Product, product).await?;
        let rows: Vec<Movement> = sqlx::query_as(
            "select position, movement, quantity, order_id as \"order\", reason, on_hand, reserved, at
               from readmodel.stock_movements
              where product = $1 and ($2::bigint is null or position < $2)
              order by position desc limit $3",
        )
        .bind(product)
        .bind(after)
        .bind(params.limit.rows())
        .fetch_all(view.db())
        .await?;
        let page = Page::of("stock-movements", rows, params.limit, |row| row.position);
        Answer::page(&uri, &page)
    })
    .await
}
