//! The texts themselves.

use domain::{ItemId, ItemKind};
use retrieval::{about, text_hash};
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::Described;
use super::lessons::Lessons;

/// What an item is, as the read models have it.
#[derive(FromRow)]
pub(super) struct Row {
    pub(super) item: Uuid,
    pub(super) shown: bool,
    title: String,
    more: Vec<String>,
    description: Option<String>,
    labels: Vec<String>,
    audience: Option<String>,
    price_minor: Option<i64>,
    currency: Option<String>,
}

impl Row {
    pub(super) fn about(&self) -> String {
        let more: Vec<&str> = self.more.iter().map(String::as_str).collect();
        about(&self.title, &more, self.description.as_deref())
    }
}

/// Those of `ids` that the read models have.
pub async fn described(
    pool: &PgPool,
    kind: ItemKind,
    ids: &[Uuid],
) -> Result<Vec<Described>, sqlx::Error> {
    let mut described = Vec::new();
    for row in rows(pool, kind, ids).await? {
        let mut texts = Vec::new();
        if row.shown {
            texts.push(text_hash(&row.about()));
            if kind == ItemKind::Course {
                let mut lessons = Lessons::of(row.item);
                while let Some(passages) = lessons.next(pool).await? {
                    texts.extend(passages.iter().map(|passage| text_hash(passage)));
                }
            }
        }
        let item = ItemId::new(kind, row.item);
        let price = row.price_minor.zip(row.currency);
        let (shown, labels, audience) = (row.shown, row.labels, row.audience);
        described.push(Described { item, shown, labels, audience, price, texts });
    }
    Ok(described)
}

pub(super) async fn rows(
    pool: &PgPool,
    kind: ItemKind,
    ids: &[Uuid],
) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as(select(kind)).bind(ids).fetch_all(pool).await
}

fn select(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Book => {
            "select book as item, not withdrawn as shown, title, authors || genres as more,
                    description, genres as labels, audience,
                    null::bigint as price_minor, null::text as currency
               from readmodel.books where book = any ($1)"
        }
        ItemKind::Course => {
            "select course as item, state = 'published' as shown, title,
                    array_remove(skills || level, null) as more, description, skills as labels,
                    null::text as audience, null::bigint as price_minor, null::text as currency
               from readmodel.courses where course = any ($1)"
        }
        ItemKind::Product => {
            "select product as item, not discontinued as shown, name as title,
                    array_remove(category || tags, null) as more, description,
                    array_remove(category || tags, null) as labels, null::text as audience,
                    price_minor, currency
               from readmodel.products where product = any ($1)"
        }
    }
}
