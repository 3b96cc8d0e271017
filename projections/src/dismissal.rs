//! What readers do not want to be recommended.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cqrs_es::Aggregate;
use domain::ItemId;
use domain::dismissal::{Dismissal, Event};
use eventstore::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Projection, ProjectionError};

pub struct Dismissals;

/// Whether each dismissal stands after a batch.
type Changes = BTreeMap<(Uuid, ItemId), bool>;

#[async_trait]
impl Projection for Dismissals {
    fn name(&self) -> &'static str {
        "dismissals"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Dismissal::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("dismissal.sql")
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
        let (dismissal, stands) = match event.decode()? {
            Event::RecommendationDismissed { dismissal, .. } => (dismissal, true),
            Event::DismissalTakenBack { dismissal, .. } => (dismissal, false),
        };
        changes.insert((dismissal.reader.uuid(), dismissal.item), stands);
    }
    Ok(changes)
}

async fn write(tx: &mut PgConnection, changes: Changes) -> Result<(), ProjectionError> {
    let (mut readers, mut kinds, mut items) = (Vec::new(), Vec::new(), Vec::new());
    let mut standing = Vec::new();
    for ((reader, item), stands) in changes {
        readers.push(reader);
        kinds.push(item.kind.name());
        items.push(item.id);
        standing.push(stands);
    }
    let statements = [
        "insert into dismissals (reader, kind, item)
         select reader, kind, item
           from unnest($1::uuid[], $2::text[], $3::uuid[], $4::boolean[])
                as c (reader, kind, item, stands)
          where stands
         on conflict do nothing",
        "delete from dismissals
          where (reader, kind, item) in (
              select reader, kind, item
                from unnest($1::uuid[], $2::text[], $3::uuid[], $4::boolean[])
                     as c (reader, kind, item, stands)
               where not stands)",
    ];
    for statement in statements {
        sqlx::query(statement)
            .bind(&readers)
            .bind(&kinds)
            .bind(&items)
            .bind(&standing)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}
