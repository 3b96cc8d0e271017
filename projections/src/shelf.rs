//! What readers keep as favourites.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::ItemId;
use domain::shelf::{Event, Shelf};
use eventstore::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Projection, ProjectionError};

pub struct Favourites;

/// Shelves as they stand after a batch: since when and at which position, or no longer.
type Changes = BTreeMap<(Uuid, ItemId), Option<(DateTime<Utc>, i64)>>;

#[async_trait]
impl Projection for Favourites {
    fn name(&self) -> &'static str {
        "favourites"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Shelf::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("shelf.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        write(tx, changes(batch)?).await
    }
}

fn changes(batch: &[&RecordedEvent]) -> Result<Changes, ProjectionError> {
    let mut changes = Changes::new();
    for event in batch {
        let (shelf, added) = match event.decode()? {
            Event::FavouriteAdded { shelf, at } => (shelf, Some((at, event.position))),
            Event::FavouriteRemoved { shelf, .. } => (shelf, None),
        };
        changes.insert((shelf.reader.uuid(), shelf.item), added);
    }
    Ok(changes)
}

async fn write(tx: &mut PgConnection, changes: Changes) -> Result<(), ProjectionError> {
    let (mut readers, mut kinds, mut items) = (Vec::new(), Vec::new(), Vec::new());
    let (mut times, mut positions) = (Vec::new(), Vec::new());
    for ((reader, item), added) in changes {
        readers.push(reader);
        kinds.push(item.kind.name());
        items.push(item.id);
        times.push(added.map(|(at, _)| at));
        positions.push(added.map(|(_, position)| position));
    }
    sqlx::query(
        "insert into favourites (reader, kind, item, added_at, position)
         select reader, kind, item, added_at, position
           from unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::bigint[])
                as c (reader, kind, item, added_at, position)
          where position is not null
         on conflict (reader, kind, item) do update
            set added_at = excluded.added_at, position = excluded.position",
    )
    .bind(&readers)
    .bind(&kinds)
    .bind(&items)
    .bind(&times)
    .bind(&positions)
    .execute(&mut *tx)
    .await?;
    if positions.iter().all(Option::is_some) {
        return Ok(());
    }
    sqlx::query(
        "delete from favourites
          where (reader, kind, item) in (
              select reader, kind, item
                from unnest($1::uuid[], $2::text[], $3::uuid[], $4::bigint[])
                     as c (reader, kind, item, position)
               where position is null)",
    )
    .bind(&readers)
    .bind(&kinds)
    .bind(&items)
    .bind(&positions)
    .execute(tx)
    .await?;
    Ok(())
}
