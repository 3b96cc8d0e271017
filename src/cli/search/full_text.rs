//! What `GET /search` finds by words alone: its own statement, in a Postgres of its own with the
//! tables of the read models.

use anyhow::Context as _;
use retrieval::Hit;
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use super::collection::Collection;
use crate::settings::Settings;

/// Each text is a book with the title and, as its description, the body.
const BOOKS: &str = "
    insert into books.books (book, title, authors, genres, audience, description, withdrawn,
                             added_at, changed_at, sequence, position)
    select book, title, '{}', '{}', 'general', body, false, now(), now(), 1, place
      from unnest($1::uuid[], $2::text[], $3::text[])
           with ordinality as texts (book, title, body, place)";

pub async fn find(
    collection: &Collection,
    settings: &Settings,
    depth: usize,
) -> anyhow::Result<Vec<Vec<Hit<u32>>>> {
    let options = local_services::Options {
        runtime_dir: Some(settings.runtime_dir()),
        postgres_source: settings.postgres.into(),
        nats: false,
        ..local_services::Options::ephemeral()
    };
    let services = local_services::start(&options)?;
    let url = services.database_url().context("no database was started")?;
    let mut db = PgConnection::connect(&url).await?;
    db.execute("create schema readmodel").await?;
    for projection in projections::all() {
        let (name, tables) = (projection.name(), projection.schema());
        if !["books", "courses", "products"].contains(&name) {
            continue;
        }
        let statements = format!(
            "create schema {name}; set search_path to {name}; {tables};
             create view readmodel.{name} as select * from {name}.{name}"
        );
        db.execute(statements.as_str()).await?;
    }
    let texts = &collection.texts;
    let ids: Vec<Uuid> = (0..texts.len()).map(|place| Uuid::from_u128(place as u128)).collect();
    sqlx::query(BOOKS)
        .bind(ids)
        .bind(texts.iter().map(|text| text.title.as_str()).collect::<Vec<_>>())
        .bind(texts.iter().map(|text| text.body.as_str()).collect::<Vec<_>>())
        .execute(&mut db)
        .await?;
    db.execute("analyze").await?;
    let mut rankings = Vec::new();
    for question in &collection.questions {
        let found = query_api::found_by_words(&mut db, &question.text).await?.into_iter();
        let hits =
            found.map(|Hit { id, score }| Ok(Hit { id: u32::try_from(id.id.as_u128())?, score }));
        rankings.push(hits.take(depth).collect::<anyhow::Result<_>>()?);
    }
    db.close().await?;
    Ok(rankings)
}
