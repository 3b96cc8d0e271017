//! Books, courses and products as they stand in lists: what all three have in common.

use std::collections::HashMap;

use domain::{ItemId, ItemKind};
use serde::Serialize;
use service_kit::Problem;
use sqlx::{FromRow, PgConnection};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Reads;

/// What [`fetch`] reads, and `features` for those who recommend.
pub const READS: Reads = &["books", "courses", "products", "item_ratings"];

/// The three catalogues as one table. `shown` is false for what was withdrawn, not yet published,
/// archived or discontinued.
pub const CATALOGUE: &str = "(
    select 'book' as kind, book as item, title, authors as makers, genres as labels, position,
           not withdrawn as shown, null::bigint as price_minor, null::text as currency, search,
           audience, description
      from readmodel.books
    union all
    select 'course', course, title, '{}'::text[], skills, position,
           state = 'published', null, null, search, null, description
      from readmodel.courses
    union all
    select 'product', product, name, '{}'::text[], array_remove(category || tags, null), position,
           not discontinued, price_minor, currency, search, null, description
      from readmodel.products
)";

/// Whether a course is for everybody: from its publication on, and still as an archived one. What was
/// never published is its instructor's alone, whatever has become of it.
pub const PUBLIC_COURSE: &str = "published_at is not null";

/// Whether there is anything left of `c`, a row of [`CATALOGUE`]: pieces in stock of a product, a seat in
/// a course. Reads `stock` and `enrollments`.
pub const LEFT: &str = "(case c.kind
    when 'product' then exists (
         select from readmodel.stock_levels s where s.product = c.item and s.on_hand > s.reserved)
    when 'course' then not exists (
         select from readmodel.courses limited
          where limited.course = c.item
            and limited.seats <= (select count(*) from readmodel.enrollments taken
                                   where taken.course = c.item and taken.state <> 'withdrawn'))
    else true end)";

/// An item in a list.
#[derive(Debug, Clone, Serialize, FromRow, ToSchema)]
pub struct Item {
    /// `book:<uuid>`, as events and `items=` write it.
    pub item: String,
    pub kind: String,
    pub id: Uuid,
    pub title: String,
    /// Authors of a book.
    pub authors: Vec<String>,
    /// Genres of a book, skills of a course, category and tags of a product.
    pub genres: Vec<String>,
    #[sqlx(flatten)]
    pub rating: RatingSummary,
    /// What I gave it, if I ask with a token.
    pub my_rating: Option<i16>,
    #[sqlx(flatten)]
    #[serde(skip_serializing_if = "ItemPrice::is_none")]
    pub price: ItemPrice,
}

/// How an item is rated, in short.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, FromRow, ToSchema)]
pub struct RatingSummary {
    #[sqlx(rename = "ratings")]
    pub count: i64,
    pub average: Option<f64>,
}

/// An amount in the currency's smallest unit.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow, ToSchema)]
pub struct ItemPrice {
    #[sqlx(rename = "price_minor")]
    pub minor: Option<i64>,
    pub currency: Option<String>,
}

impl ItemPrice {
    pub fn is_none(&self) -> bool {
        self.minor.is_none()
    }
}

/// Columns of [`Item`] over `c` (the catalogue), `r` (`item_ratings`) and `mine` (`reader_ratings`
/// of whoever asks), both left joined.
pub const COLUMNS: &str = "
    c.kind || ':' || c.item as item, c.kind, c.item as id, c.title, c.makers as authors,
    c.labels as genres, coalesce(r.ratings, 0) as ratings,
    round(r.points::numeric / nullif(r.ratings, 0), 4)::float8 as average,
    mine.score as my_rating, c.price_minor, c.currency";

/// Items by kind and id, as `reader` sees them; what the catalogues do not have is left out.
pub async fn fetch(
    db: &mut PgConnection,
    reader: Option<Uuid>,
    ids: impl IntoIterator<Item = (String, Uuid)>,
) -> Result<HashMap<(String, Uuid), Item>, Problem> {
    let (kinds, ids): (Vec<String>, Vec<Uuid>) = ids.into_iter().unzip();
    let items: Vec<Item> = sqlx::query_as(&format!(
        "select {COLUMNS}
           from unnest($1::text[], $2::uuid[]) as asked (kind, item)
           join {CATALOGUE} c using (kind, item)
           left join readmodel.item_ratings r on (r.kind, r.item) = (c.kind, c.item)
           left join readmodel.reader_ratings mine
             on (mine.reader, mine.kind, mine.item) = ($3, c.kind, c.item)",
    ))
    .bind(kinds)
    .bind(ids)
    .bind(reader)
    .fetch_all(db)
    .await?;
    Ok(items.into_iter().map(|item| ((item.kind.clone(), item.id), item)).collect())
}

/// `books`, `courses` or `products` of a path.
pub fn kind_of_path(plural: &str) -> Result<ItemKind, Problem> {
    ItemKind::from_plural(plural)
        .ok_or_else(|| Problem::not_found("not-found", "there is nothing at this path"))
}

pub fn unknown(kind: ItemKind) -> Problem {
    Problem::not_found("item-unknown", format!("there is no such {kind}"))
}

pub async fn must_exist(db: &mut PgConnection, kind: ItemKind, id: Uuid) -> Result<(), Problem> {
    let (table, public) = match kind {
        ItemKind::Book => ("books", "true"),
        ItemKind::Course => ("courses", PUBLIC_COURSE),
        ItemKind::Product => ("products", "true"),
    };
    let select =
        format!("select exists (select from readmodel.{table} where {kind} = $1 and {public})");
    let exists: bool = sqlx::query_scalar(&select).bind(id).fetch_one(db).await?;
    if exists { Ok(()) } else { Err(unknown(kind)) }
}

/// `items=book:<uuid>,course:<uuid>` of a query string.
pub fn parse_list(text: &str) -> Result<Vec<ItemId>, Problem> {
    text.split(',')
        .filter(|part| !part.is_empty())
        .map(|part| part.trim().parse().map_err(|error| Problem::invalid("/query/items", error)))
        .collect()
}
