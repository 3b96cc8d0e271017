use axum::extract::State;
use domain::ProductId;
use domain::cart::Pieces;
use serde::Deserialize;
use service_kit::{Accepted, BASE, Json, Member, Only, Path, Problem, ReceiptBody, schema};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(put_item, delete_item))
        .routes(routes!(delete))
        .routes(routes!(post_checkout))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutItem {
    /// How many I want, whatever was in the cart before.
    #[schema(value_type = schema::Pieces)]
    quantity: Pieces,
}

/// Put a product in my cart, or change how many of it I want.
#[utoipa::path(
    put, path = "/cart/items/{product}", tag = "cart", request_body = PutItem,
    params(("product" = Uuid, Path)),
    responses((status = 200, description = "So many are in the cart", body = ReceiptBody))
)]
async fn put_item(
    State(app): State<App>,
    caller: Only<Member>,
    Path(product): Path<ProductId>,
    Json(PutItem { quantity }): Json<PutItem>,
) -> Result<Accepted, Problem> {
    let put = super::put_item(&app.log, caller.context(), caller.account, product, quantity);
    put.await.map(Accepted::done)
}

/// Take a product out of my cart.
#[utoipa::path(
    delete, path = "/cart/items/{product}", tag = "cart", params(("product" = Uuid, Path)),
    responses((status = 200, description = "None of it is in the cart", body = ReceiptBody))
)]
async fn delete_item(
    State(app): State<App>,
    caller: Only<Member>,
    Path(product): Path<ProductId>,
) -> Result<Accepted, Problem> {
    let removed = super::remove_item(&app.log, caller.context(), caller.account, product);
    removed.await.map(Accepted::done)
}

/// Take everything out of my cart.
#[utoipa::path(
    delete, path = "/cart", tag = "cart",
    responses((status = 200, description = "The cart is empty", body = ReceiptBody))
)]
async fn delete(State(app): State<App>, caller: Only<Member>) -> Result<Accepted, Problem> {
    super::clear(&app.log, caller.context(), caller.account).await.map(Accepted::done)
}

/// Order all that is in my cart, at today's prices. The order is PENDING until its stock is reserved.
///
/// If-Match is the version of the cart. What is put in meanwhile stays in the cart.
#[utoipa::path(
    post, path = "/cart/checkout", tag = "cart",
    responses((status = 201, description = "Ordered", body = ReceiptBody))
)]
async fn post_checkout(State(app): State<App>, caller: Only<Member>) -> Result<Accepted, Problem> {
    let (context, order) = (caller.context(), Uuid::now_v7().into());
    let placed = super::check_out(&app.log, &app.orders, context, caller.account, order);
    let receipt = placed.await?;
    let location = format!("{BASE}/orders/{}", receipt.stream.aggregate_id);
    Ok(Accepted::created(receipt, location))
}
