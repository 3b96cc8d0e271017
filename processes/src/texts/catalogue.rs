//! The texts themselves.

use std::collections::HashMap;

use domain::{ItemId, ItemKind};
use retrieval::{about, passages};
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::Described;

/// Passages of one course that are read; what follows is not.
const PASSAGES_MAX: usize = 2_000;

#[derive(FromRow)]
struct Row {
    item: Uuid,
    shown: bool,
    title: String,
    more: Vec<String>,
    description: Option<String>,
    labels: Vec<String>,
    audience: Option<String>,
    price_minor: Option<i64>,
    currency: Option<String>,
}

/// Those of `ids` that the read models have.
pub async fn described(
    pool: &PgPool,
    kind: ItemKind,
    ids: &[Uuid],
) -> Result<Vec<Described>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(select(kind)).bind(ids).fetch_all(pool).await?;
    let shown: Vec<Uuid> = rows.iter().filter(|row| row.shown).map(|row| row.item).collect();
    let mut lessons = match kind {
        ItemKind::Course => of_lessons(pool, &shown).await?,
        ItemKind::Book | ItemKind::Product => HashMap::new(),
    };
    Ok(rows
        .into_iter()
        .map(|row| {
            let mut texts = Vec::new();
            if row.shown {
                let more: Vec<&str> = row.more.iter().map(String::as_str).collect();
                texts.push(about(&row.title, &more, row.description.as_deref()));
                texts.extend(lessons.remove(&row.item).unwrap_or_default());
            }
            let item = ItemId::new(kind, row.item);
            let price = row.price_minor.zip(row.currency);
            let (shown, labels, audience) = (row.shown, row.labels, row.audience);
            Described { item, shown, labels, audience, price, texts }
        })
        .collect())
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

/// The passages of their lessons, and of files attached to these, by course.
async fn of_lessons(
    pool: &PgPool,
    courses: &[Uuid],
) -> Result<HashMap<Uuid, Vec<String>>, sqlx::Error> {
    let markdown: Vec<(Uuid, String)> = sqlx::query_as(
        "select course, body from (
             select course, place, '' as name, body from readmodel.lessons
              where course = any ($1) and body <> ''
             union all
             select l.course, l.place, f.name, e.text
               from readmodel.lessons l
               join readmodel.files f on (f.item, f.lesson) = (l.course, l.lesson)
               join processes.extracts e on e.file = f.sha256
              where l.course = any ($1)) told
          order by course, place, name",
    )
    .bind(courses)
    .fetch_all(pool)
    .await?;
    let mut found: HashMap<Uuid, Vec<String>> = HashMap::new();
    for (course, markdown) in markdown {
        let texts = found.entry(course).or_default();
        let left = PASSAGES_MAX.saturating_sub(texts.len());
        texts.extend(passages(&markdown).iter().take(left).map(retrieval::Passage::embedded));
    }
    Ok(found)
}
