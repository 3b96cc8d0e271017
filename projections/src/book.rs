//! The catalogue of books, with its words for searching.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::book::{Book, Details, Event};
use eventstore::RecordedEvent;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::rows::{fetch, put};
use crate::{Projection, ProjectionError};

pub struct Books;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    book: Uuid,
    title: String,
    authors: Vec<String>,
    isbn: Option<String>,
    publisher: Option<String>,
    published_year: Option<i32>,
    series_name: Option<String>,
    series_number: Option<f64>,
    genres: Vec<String>,
    audience: domain::book::Audience,
    language: Option<String>,
    description: Option<String>,
    cover_url: Option<String>,
    withdrawn: bool,
    added_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    sequence: i64,
    position: i64,
}

#[async_trait]
impl Projection for Books {
    fn name(&self) -> &'static str {
        "books"
    }

    fn version(&self) -> u32 {
        3
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Book::TYPE]
    }

    fn schema(&self) -> &'static str {
        concat!(include_str!("said.sql"), include_str!("book.sql"), include_str!("alike.sql"))
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let keys: Vec<Uuid> =
            batch.iter().filter_map(|event| event.stream.aggregate_id.parse().ok()).collect();
        let known: Vec<Row> = fetch(tx, SELECT, &keys).await?;
        let mut books = known.into_iter().map(|row| (row.book, row)).collect();
        for event in batch {
            fold(&mut books, event)?;
        }
        let rows: Vec<Row> = books.into_values().collect();
        put(tx, UPSERT, &rows).await
    }
}

fn fold(books: &mut BTreeMap<Uuid, Row>, event: &RecordedEvent) -> Result<(), ProjectionError> {
    let never_added = || ProjectionError::event(event, "the book was never added");
    match event.decode()? {
        Event::BookAdded { book, details, at } => {
            books.insert(book.uuid(), row(book.uuid(), *details, event, (at, event.position)));
        }
        Event::BookRevised { book, details, at } => {
            let known = books.get_mut(&book.uuid()).ok_or_else(never_added)?;
            let added = (known.added_at, known.position);
            *known = Row { changed_at: at, ..row(book.uuid(), *details, event, added) };
        }
        Event::BookWithdrawn { book, at } => {
            let known = books.get_mut(&book.uuid()).ok_or_else(never_added)?;
            known.withdrawn = true;
            known.changed_at = at;
            known.sequence = event.sequence;
        }
    }
    Ok(())
}

fn row(
    book: Uuid,
    details: Details,
    event: &RecordedEvent,
    (added_at, position): (DateTime<Utc>, i64),
) -> Row {
    let (series_name, series_number) = match details.series {
        Some(series) => (Some(series.name.into()), series.number.map(f64::from)),
        None => (None, None),
    };
    Row {
        book,
        title: details.title.into(),
        authors: details.authors.names().iter().map(ToString::to_string).collect(),
        isbn: details.isbn.map(|isbn| isbn.to_string()),
        publisher: details.publisher.map(String::from),
        published_year: details.published_year.map(i32::from),
        series_name,
        series_number,
        genres: details.genres.iter().map(ToString::to_string).collect(),
        audience: details.audience,
        language: details.language.map(String::from),
        description: details.description.map(String::from),
        cover_url: details.cover_url.map(String::from),
        withdrawn: false,
        added_at,
        changed_at: added_at,
        sequence: event.sequence,
        position,
    }
}

const SELECT: &str =
    "select to_jsonb(b) - '{search,names}'::text[] from books b where book = any($1)";

const UPSERT: &str = "
    insert into books (book, title, authors, isbn, publisher, published_year, series_name,
        series_number, genres, audience, language, description, cover_url, withdrawn, added_at,
        changed_at, sequence, position)
    select book, title, authors, isbn, publisher, published_year, series_name,
        series_number, genres, audience, language, description, cover_url, withdrawn, added_at,
        changed_at, sequence, position
      from jsonb_populate_recordset(null::books, $1)
    on conflict (book) do update
       set (title, authors, isbn, publisher, published_year, series_name, series_number, genres,
            audience, language, description, cover_url, withdrawn, changed_at, sequence)
         = (excluded.title, excluded.authors, excluded.isbn, excluded.publisher,
            excluded.published_year, excluded.series_name, excluded.series_number,
            excluded.genres, excluded.audience, excluded.language, excluded.description,
            excluded.cover_url, excluded.withdrawn, excluded.changed_at, excluded.sequence)";
