//! How much of a product there is.
//!
//! Reserving, releasing and shipping are the order fulfilment's; people receive and adjust.

use axum::extract::State;
use domain::product::Product;
use domain::stock::{Command, ON_HAND_MAX, Refusal, Stock};
use domain::{OrderId, ProductId, Quantity, Text};
use eventstore::{Context, Decision, Log, Receipt};
use serde::Deserialize;
use service_kit::{
    Accepted, Json, Merchandiser, Only, OrRefuse, Path, Problem, ReceiptBody, Undecided, schema,
};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(post_receipt))
        .routes(routes!(post_adjustment))
        .routes(routes!(put_reorder_level))
}

pub async fn receive(
    log: &Log,
    context: &Context,
    product: ProductId,
    quantity: Quantity,
    reason: Option<Text>,
) -> Result<Receipt, Problem> {
    let command = Command::Receive { product, quantity, reason, at: context.now };
    of_known_product(log, context, product, command).await
}

pub async fn adjust(
    log: &Log,
    context: &Context,
    product: ProductId,
    by: i64,
    reason: Option<Text>,
) -> Result<Receipt, Problem> {
    let command = Command::Adjust { product, by, reason, at: context.now };
    of_known_product(log, context, product, command).await
}

/// `None`: no warning when the stock runs low.
pub async fn set_reorder_level(
    log: &Log,
    context: &Context,
    product: ProductId,
    reorder_level: Option<u32>,
) -> Result<Receipt, Problem> {
    let command = Command::SetReorderLevel { product, reorder_level, at: context.now };
    of_known_product(log, context, product, command).await
}

/// Whether there was enough is in the stock's events, not in the receipt.
pub async fn reserve(
    log: &Log,
    context: &Context,
    product: ProductId,
    order: OrderId,
    quantity: Quantity,
) -> Result<Receipt, Problem> {
    let command = Command::Reserve { product, order, quantity, at: context.now };
    log.execute::<Stock>(product, command, context).await.or_refuse(refused)
}

pub async fn release(
    log: &Log,
    context: &Context,
    product: ProductId,
    order: OrderId,
) -> Result<Receipt, Problem> {
    let command = Command::Release { product, order, at: context.now };
    log.execute::<Stock>(product, command, context).await.or_refuse(refused)
}

pub async fn ship(
    log: &Log,
    context: &Context,
    product: ProductId,
    order: OrderId,
) -> Result<Receipt, Problem> {
    let command = Command::Ship { product, order, at: context.now };
    log.execute::<Stock>(product, command, context).await.or_refuse(refused)
}

/// Stock of a discontinued product is still counted; of one that never was, there is none.
async fn of_known_product(
    log: &Log,
    context: &Context,
    product: ProductId,
    command: Command,
) -> Result<Receipt, Problem> {
    log.decide::<Stock, _, _, _>(context, |facts| {
        let command = command.clone();
        async move {
            if facts.load::<Product>(product).await?.is_new() {
                let unknown = Problem::not_found("product-unknown", "there is no such product");
                return Err(Undecided::Unprepared(unknown));
            }
            Ok(Decision::new(product, command))
        }
    })
    .await
    .or_refuse(refused)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Receive {
    #[schema(value_type = schema::Quantity)]
    quantity: Quantity,
    #[schema(value_type = Option<schema::Text>)]
    reason: Option<Text>,
}

/// Receive pieces of a product.
#[utoipa::path(
    post, path = "/stock/{product}/receipts", tag = "stock", request_body = Receive,
    params(("product" = Uuid, Path)),
    security(("bearer" = ["merchandiser"])),
    responses((status = 200, description = "Received", body = ReceiptBody))
)]
async fn post_receipt(
    State(app): State<App>,
    caller: Only<Merchandiser>,
    Path(product): Path<ProductId>,
    Json(Receive { quantity, reason }): Json<Receive>,
) -> Result<Accepted, Problem> {
    receive(&app.log, caller.context(), product, quantity, reason).await.map(Accepted::done)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Adjust {
    /// The difference: negative when pieces are gone.
    #[schema(minimum = -1_000_000_000_000i64, maximum = 1_000_000_000_000i64)]
    quantity: i64,
    #[schema(value_type = Option<schema::Text>)]
    reason: Option<Text>,
}

/// Correct what is on hand.
#[utoipa::path(
    post, path = "/stock/{product}/adjustments", tag = "stock", request_body = Adjust,
    params(("product" = Uuid, Path)),
    security(("bearer" = ["merchandiser"])),
    responses((status = 200, description = "Adjusted", body = ReceiptBody))
)]
async fn post_adjustment(
    State(app): State<App>,
    caller: Only<Merchandiser>,
    Path(product): Path<ProductId>,
    Json(Adjust { quantity, reason }): Json<Adjust>,
) -> Result<Accepted, Problem> {
    if quantity == 0 || !(-ON_HAND_MAX..=ON_HAND_MAX).contains(&quantity) {
        let detail = format!("an adjustment goes up to {ON_HAND_MAX} either way, but not by 0");
        return Err(Problem::invalid("/quantity", detail));
    }
    adjust(&app.log, caller.context(), product, quantity, reason).await.map(Accepted::done)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetReorderLevel {
    /// Say so when available falls to this; null: never.
    #[schema(minimum = 0, maximum = 4_294_967_295i64)]
    quantity: Option<u32>,
}

/// Set at how many pieces the stock counts as low.
#[utoipa::path(
    put, path = "/stock/{product}/reorder-level", tag = "stock", request_body = SetReorderLevel,
    params(("product" = Uuid, Path)),
    security(("bearer" = ["merchandiser"])),
    responses((status = 200, description = "Set", body = ReceiptBody))
)]
async fn put_reorder_level(
    State(app): State<App>,
    caller: Only<Merchandiser>,
    Path(product): Path<ProductId>,
    Json(SetReorderLevel { quantity }): Json<SetReorderLevel>,
) -> Result<Accepted, Problem> {
    set_reorder_level(&app.log, caller.context(), product, quantity).await.map(Accepted::done)
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NothingToAdjust => Problem::invalid("/quantity", refusal),
        Refusal::NotThatMany { available } => {
            Problem::conflict("stock-not-available", refusal).with("available", available)
        }
        Refusal::TooMany => Problem::conflict("stock-too-large", refusal),
        Refusal::ReservedOtherwise { .. } => Problem::conflict("reserved-otherwise", refusal),
        Refusal::NothingReserved => Problem::conflict("nothing-reserved", refusal),
    }
}
