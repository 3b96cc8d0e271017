use axum::extract::State;
use domain::{OrderId, ProductId, Quantity, Role};
use serde::Deserialize;
use service_kit::{
    Accepted, BASE, Json, Member, Merchandiser, Only, Path, Problem, ReceiptBody, schema,
};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Item;
use crate::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(post)).routes(routes!(patch_status)).routes(routes!(delete))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PlaceOrder {
    /// Chosen by the client if it wants to; else by us.
    #[schema(value_type = Option<Uuid>)]
    id: Option<OrderId>,
    /// In one currency.
    #[schema(min_items = 1, max_items = 2_000)]
    items: Vec<OrderItem>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OrderItem {
    #[schema(value_type = Uuid)]
    product_id: ProductId,
    #[schema(value_type = schema::Quantity)]
    quantity: Quantity,
}

/// Place an order at today's prices. It is PENDING until its stock is reserved.
#[utoipa::path(
    post, path = "/orders", tag = "orders", request_body = PlaceOrder,
    responses((status = 201, description = "Placed", body = ReceiptBody))
)]
async fn post(
    State(app): State<App>,
    caller: Only<Member>,
    Json(PlaceOrder { id, items }): Json<PlaceOrder>,
) -> Result<Accepted, Problem> {
    let order = id.unwrap_or_else(|| Uuid::now_v7().into());
    let items: Vec<Item> = items.into_iter().map(Item::from).collect();
    let context = caller.context();
    let placed = super::place(&app.log, &app.orders, context, caller.account, order, &items);
    let receipt = placed.await?;
    let location = format!("{BASE}/orders/{}", receipt.stream.aggregate_id);
    Ok(Accepted::created(receipt, location))
}

impl From<OrderItem> for Item {
    fn from(OrderItem { product_id, quantity }: OrderItem) -> Self {
        Self { product: product_id, quantity, price: None }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeStatus {
    status: NextStatus,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum NextStatus {
    Shipped,
    Delivered,
}

/// Say that an order was shipped or delivered.
#[utoipa::path(
    patch, path = "/orders/{id}/status", tag = "orders", request_body = ChangeStatus,
    params(("id" = Uuid, Path)),
    security(("bearer" = ["merchandiser"])),
    responses((status = 200, description = "Changed", body = ReceiptBody))
)]
async fn patch_status(
    State(app): State<App>,
    caller: Only<Merchandiser>,
    Path(order): Path<OrderId>,
    Json(ChangeStatus { status }): Json<ChangeStatus>,
) -> Result<Accepted, Problem> {
    let receipt = match status {
        NextStatus::Shipped => super::ship(&app.log, caller.context(), order).await?,
        NextStatus::Delivered => super::deliver(&app.log, caller.context(), order).await?,
    };
    Ok(Accepted::done(receipt))
}

/// Cancel my order, until it is shipped; as a merchandiser, anybody's.
#[utoipa::path(
    delete, path = "/orders/{id}", tag = "orders", params(("id" = Uuid, Path)),
    responses((status = 200, description = "Cancelled", body = ReceiptBody))
)]
async fn delete(
    State(app): State<App>,
    caller: Only<Member>,
    Path(order): Path<OrderId>,
) -> Result<Accepted, Problem> {
    let as_merchandiser = caller.has(Role::Merchandiser);
    let cancelled =
        super::cancel(&app.log, caller.context(), caller.account, order, as_merchandiser);
    cancelled.await.map(Accepted::done)
}
