//! The catalogue of the shop and the page of each product.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::Tag;
use serde::{Deserialize, Serialize};
use service_kit::page::{Limit, Page};
use service_kit::{Path, Problem, Query, schema};
use sqlx::FromRow;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::catalogue::{self, Browse, Catalogue, Filter, Sort};
use crate::file::{Attached, attached, uploaded_cover};
use crate::item::{self, RatingSummary};
use crate::price::{self, LOWEST};
use crate::{Answer, App, Asked, Reads, Select};

const READS: Reads = &["products", "item_ratings", "likes", "files", "stock"];
/// What the page of one product shows besides.
const PAGE_READS: Reads = &["products", "item_ratings", "likes", "files", "stock", "prices"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(products)).routes(routes!(product))
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Product {
    id: Uuid,
    sku: String,
    name: String,
    description: Option<String>,
    /// The uploaded cover, below the site's address.
    cover_url: Option<String>,
    #[sqlx(flatten)]
    price: Price,
    category: Option<String>,
    tags: Vec<String>,
    /// Pieces that can be ordered now.
    available: i64,
    #[sqlx(flatten)]
    rating: RatingSummary,
    /// What I gave it, if I ask with a token.
    my_rating: Option<i16>,
    likes: i64,
    discontinued: bool,
    added_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    #[serde(skip)]
    sequence: i64,
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Price {
    #[sqlx(rename = "price_minor")]
    minor: i64,
    currency: String,
}

const COLUMNS: &str = concat!(
    uploaded_cover!("product", "c.product"),
    " as cover_url,
    c.product as id, c.sku, c.name, c.description, c.price_minor, c.currency,
    c.category, c.tags, coalesce(s.on_hand - s.reserved, 0) as available,
    coalesce(r.ratings, 0) as ratings,
    round(r.points::numeric / nullif(r.ratings, 0), 4)::float8 as average,
    coalesce(l.likes, 0) as likes,
    c.discontinued, c.added_at, c.changed_at, c.sequence"
);

const PRODUCTS: Catalogue = Catalogue {
    kind: "product",
    columns: COLUMNS,
    from: "from readmodel.products c
           left join readmodel.stock_levels s on s.product = c.product
           left join readmodel.item_ratings r on (r.kind, r.item) = ('product', c.product)
           left join readmodel.like_counts l on (l.kind, l.target) = ('product', c.product)
          where not c.discontinued",
    id: "c.product",
    title: "c.name",
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    /// Words to look for, as in a search engine: `"exact phrase"`, `or`, `-without`.
    q: Option<String>,
    #[param(inline, value_type = Option<schema::Tag>)]
    category: Option<Tag>,
    #[param(inline, value_type = Option<schema::Tag>)]
    tag: Option<Tag>,
    /// The same as `category`.
    #[param(inline, value_type = Option<schema::Tag>)]
    genre: Option<Tag>,
    sku: Option<String>,
    #[param(inline)]
    sort: Option<Sort>,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

#[utoipa::path(
    get, path = "/products", tag = "products", params(Params), security(()),
    responses((status = 200, description = "Products of the shop", body = Page<Product>))
)]
async fn products(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let reader = asked.account().map(|account| account.uuid());
    let uri = asked.uri.clone();
    app.read(&asked, READS, move |mut view| async move {
        let named = |tag: Option<Tag>| tag.map(|tag| tag.to_string());
        let browse = Browse {
            q: params.q,
            sort: params.sort,
            limit: params.limit,
            cursor: params.cursor,
            reader,
            filters: vec![
                Filter { before: "c.category = ", value: named(params.category), after: "" },
                Filter { before: "c.category = ", value: named(params.genre), after: "" },
                Filter { before: "c.tags @> array[", value: named(params.tag), after: "]" },
                Filter { before: "c.sku = ", value: params.sku, after: "" },
            ],
        };
        let page: Page<Product> = catalogue::list(view.db(), &PRODUCTS, browse).await?;
        Answer::page(&uri, &page)
    })
    .await
}

const FILES: &str = attached!("product", "c.product");

/// A product with its files, and whether I like it if I ask with a token.
#[derive(Debug, Serialize, FromRow, ToSchema)]
struct ProductPage {
    #[sqlx(flatten)]
    #[serde(flatten)]
    product: Product,
    /// The least it has cost at any time since the beginning of the day 30 days ago, in the
    /// currency of today's price, which counts too. In the currency's smallest unit.
    lowest_30_days: Option<i64>,
    liked_by_me: Option<bool>,
    #[sqlx(json)]
    files: Vec<Attached>,
}

#[utoipa::path(
    get, path = "/products/{id}", tag = "products", params(("id" = Uuid, Path)), security(()),
    responses((status = 200, description = "A product", body = ProductPage))
)]
async fn product(
    State(app): State<App>,
    asked: Asked,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let reader = asked.account().map(|account| account.uuid());
    let since = price::thirty_days_before(asked.now);
    let select = format!(
        "select {COLUMNS}, {FILES}, ({LOWEST}) as lowest_30_days, mine.score as my_rating,
                case when $2::uuid is not null
                     then exists (select from readmodel.likes
                                   where (reader, kind, target) = ($2, 'product', c.product))
                end as liked_by_me
           from readmodel.products c
           left join readmodel.stock_levels s on s.product = c.product
           left join readmodel.item_ratings r on (r.kind, r.item) = ('product', c.product)
           left join readmodel.like_counts l on (l.kind, l.target) = ('product', c.product)
           left join readmodel.reader_ratings mine
             on (mine.reader, mine.kind, mine.item) = ($2, 'product', c.product)
          where c.product = $1",
    );
    app.read_rows(
        &asked,
        PAGE_READS,
        Select { rows: &select, order: "id" },
        |query| query.bind(id).bind(reader).bind(since),
        |mut pages: Vec<ProductPage>| {
            let page = pages.pop().ok_or_else(|| item::unknown(domain::ItemKind::Product))?;
            Ok(Answer::json(&page)?.of_sequence(page.product.sequence))
        },
    )
    .await
}
