//! The catalogue of the shop.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use domain::product::{Command, Details, Product, Refusal, Revision, Sku};
use domain::{Money, Name, Patch, ProductId, Tag, Tags, Text};
use eventstore::{Context, Facts, Log, Receipt};
use serde::Deserialize;
use service_kit::{
    Accepted, BASE, Json, Merchandiser, Only, OrRefuse, Path, Problem, ReceiptBody, Undecided,
    schema,
};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(post)).routes(routes!(patch, delete))
}

pub async fn add(
    log: &Log,
    context: &Context,
    product: ProductId,
    details: Details,
    price: Money,
) -> Result<Receipt, Problem> {
    must_be_payable(price)?;
    let command = Command::Add { product, details: Box::new(details), price, at: context.now };
    log.execute::<Product>(product, command, context).await.or_refuse(refused)
}

/// Also reprices, when the revision has a price.
pub async fn revise(
    log: &Log,
    context: &Context,
    product: ProductId,
    revision: Revision,
) -> Result<Receipt, Problem> {
    revision.price.map_or(Ok(()), must_be_payable)?;
    let command = Command::Revise { product, revision: Box::new(revision), at: context.now };
    log.execute::<Product>(product, command, context).await.or_refuse(refused)
}

pub async fn reprice(
    log: &Log,
    context: &Context,
    product: ProductId,
    price: Money,
) -> Result<Receipt, Problem> {
    must_be_payable(price)?;
    let command = Command::Reprice { product, price, at: context.now };
    log.execute::<Product>(product, command, context).await.or_refuse(refused)
}

pub async fn discontinue(
    log: &Log,
    context: &Context,
    product: ProductId,
) -> Result<Receipt, Problem> {
    let command = Command::Discontinue { product, at: context.now };
    log.execute::<Product>(product, command, context).await.or_refuse(refused)
}

/// Prices that were set before may have a currency that is none any more; new ones have not.
fn must_be_payable(price: Money) -> Result<(), Problem> {
    let currency = price.currency();
    match currency.is_active() {
        true => Ok(()),
        false => {
            let detail = format!("{currency} is no currency of ISO 4217 that is in use");
            Err(Problem::invalid("/price/currency", detail))
        }
    }
}

/// What the shop says of a product and its price, as long as it is sold.
pub(crate) async fn on_sale<R>(
    facts: &Facts,
    product: ProductId,
) -> Result<(Arc<Details>, Money), Undecided<R>> {
    let refuse = |status, code, detail: &str| {
        let problem = Problem::new(status, code, detail).with("product_id", product.to_string());
        Err(Undecided::Unprepared(problem))
    };
    match facts.load::<Product>(product).await?.state {
        Product::OnSale { details, price } => Ok((details, price)),
        Product::Absent => {
            refuse(StatusCode::NOT_FOUND, "product-unknown", "there is no such product")
        }
        Product::Discontinued => refuse(
            StatusCode::CONFLICT,
            "product-discontinued",
            "this product has been discontinued",
        ),
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddProduct {
    /// Chosen by the client if it wants to; else by us.
    #[schema(value_type = Option<Uuid>)]
    id: Option<ProductId>,
    #[schema(value_type = schema::Sku)]
    sku: Sku,
    #[schema(value_type = schema::Name)]
    name: Name,
    #[schema(value_type = Option<schema::Text>)]
    description: Option<Text>,
    #[schema(value_type = schema::Money)]
    price: Money,
    #[schema(value_type = Option<schema::Tag>)]
    category: Option<Tag>,
    #[serde(default)]
    #[schema(value_type = schema::Tags)]
    tags: Tags,
}

/// Add a product to the catalogue.
#[utoipa::path(
    post, path = "/products", tag = "products", request_body = AddProduct,
    security(("bearer" = ["merchandiser"])),
    responses((status = 201, description = "Added", body = ReceiptBody))
)]
async fn post(
    State(app): State<App>,
    caller: Only<Merchandiser>,
    Json(body): Json<AddProduct>,
) -> Result<Accepted, Problem> {
    let AddProduct { id, sku, name, description, price, category, tags } = body;
    let product = id.unwrap_or_else(|| Uuid::now_v7().into());
    let details = Details { sku, name, description, category, tags };
    let receipt = add(&app.log, caller.context(), product, details, price).await?;
    let location = format!("{BASE}/products/{}", receipt.stream.aggregate_id);
    Ok(Accepted::created(receipt, location))
}

/// Absent fields stay as they are; null removes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReviseProduct {
    #[schema(value_type = Option<schema::Sku>)]
    sku: Option<Sku>,
    #[schema(value_type = Option<schema::Name>)]
    name: Option<Name>,
    #[serde(default)]
    #[schema(value_type = Option<schema::Text>)]
    description: Patch<Text>,
    #[schema(value_type = Option<schema::Money>)]
    price: Option<Money>,
    #[serde(default)]
    #[schema(value_type = Option<schema::Tag>)]
    category: Patch<Tag>,
    #[schema(value_type = Option<schema::Tags>)]
    tags: Option<Tags>,
}

/// Change the named fields of a product. Orders placed before keep their prices.
#[utoipa::path(
    patch, path = "/products/{id}", tag = "products", request_body = ReviseProduct,
    params(("id" = Uuid, Path)),
    security(("bearer" = ["merchandiser"])),
    responses((status = 200, description = "Revised", body = ReceiptBody))
)]
async fn patch(
    State(app): State<App>,
    caller: Only<Merchandiser>,
    Path(id): Path<ProductId>,
    Json(body): Json<ReviseProduct>,
) -> Result<Accepted, Problem> {
    let ReviseProduct { sku, name, description, price, category, tags } = body;
    let revision = Revision { sku, name, description, category, tags, price };
    revise(&app.log, caller.context(), id, revision).await.map(Accepted::done)
}

/// Sell a product no longer.
#[utoipa::path(
    delete, path = "/products/{id}", tag = "products", params(("id" = Uuid, Path)),
    security(("bearer" = ["merchandiser"])),
    responses((status = 200, description = "Discontinued", body = ReceiptBody))
)]
async fn delete(
    State(app): State<App>,
    caller: Only<Merchandiser>,
    Path(id): Path<ProductId>,
) -> Result<Accepted, Problem> {
    discontinue(&app.log, caller.context(), id).await.map(Accepted::done)
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Unknown => Problem::not_found("product-unknown", refusal),
        Refusal::AlreadyAdded => Problem::conflict("product-exists", refusal),
        Refusal::Discontinued => Problem::new(StatusCode::GONE, "product-discontinued", refusal),
    }
}
