//! Who likes what, and how many do.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::like::{Event, Like, Target};
use eventstore::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Projection, ProjectionError};

pub struct Likes;

/// Since when, at which position; none once it was taken back.
type Given = Option<(DateTime<Utc>, i64)>;

/// Likes as they stand after a batch, and by how much the count of each target differs.
#[derive(Debug, Default, PartialEq)]
struct Changes {
    likes: BTreeMap<(Uuid, Target), Given>,
    counts: BTreeMap<Target, i64>,
}

#[async_trait]
impl Projection for Likes {
    fn name(&self) -> &'static str {
        "likes"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Like::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("like.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let changes = changes(batch)?;
        write_likes(tx, changes.likes).await?;
        write_counts(tx, changes.counts).await
    }
}

fn changes(batch: &[&RecordedEvent]) -> Result<Changes, ProjectionError> {
    let mut changes = Changes::default();
    for event in batch {
        let (like, given, difference) = match event.decode()? {
            Event::Liked { like, at } => (like, Some((at, event.position)), 1),
            Event::Unliked { like, .. } => (like, None, -1),
        };
        changes.likes.insert((like.reader.uuid(), like.target), given);
        *changes.counts.entry(like.target).or_default() += difference;
    }
    Ok(changes)
}

async fn write_likes(
    tx: &mut PgConnection,
    likes: BTreeMap<(Uuid, Target), Given>,
) -> Result<(), ProjectionError> {
    let (mut readers, mut kinds, mut targets) = (Vec::new(), Vec::new(), Vec::new());
    let (mut times, mut positions) = (Vec::new(), Vec::new());
    let (mut losers, mut lost_kinds, mut lost) = (Vec::new(), Vec::new(), Vec::new());
    for ((reader, target), given) in likes {
        match given {
            Some((at, position)) => {
                readers.push(reader);
                kinds.push(target.kind());
                targets.push(target.uuid());
                times.push(at);
                positions.push(position);
            }
            None => {
                losers.push(reader);
                lost_kinds.push(target.kind());
                lost.push(target.uuid());
            }
        }
    }
    sqlx::query(
        "insert into likes (reader, kind, target, liked_at, position)
         select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::bigint[])
         on conflict (reader, kind, target) do update
            set liked_at = excluded.liked_at, position = excluded.position",
    )
    .bind(&readers)
    .bind(&kinds)
    .bind(&targets)
    .bind(&times)
    .bind(&positions)
    .execute(&mut *tx)
    .await?;
    if !losers.is_empty() {
        sqlx::query(
            "delete from likes
              where (reader, kind, target)
                 in (select * from unnest($1::uuid[], $2::text[], $3::uuid[]))",
        )
        .bind(&losers)
        .bind(&lost_kinds)
        .bind(&lost)
        .execute(tx)
        .await?;
    }
    Ok(())
}

async fn write_counts(
    tx: &mut PgConnection,
    counts: BTreeMap<Target, i64>,
) -> Result<(), ProjectionError> {
    let (mut kinds, mut targets, mut differences) = (Vec::new(), Vec::new(), Vec::new());
    for (target, difference) in counts {
        kinds.push(target.kind());
        targets.push(target.uuid());
        differences.push(difference);
    }
    sqlx::query(
        "insert into like_counts as counts (kind, target, likes)
         select * from unnest($1::text[], $2::uuid[], $3::bigint[])
         on conflict (kind, target) do update set likes = counts.likes + excluded.likes",
    )
    .bind(&kinds)
    .bind(&targets)
    .bind(&differences)
    .execute(tx)
    .await?;
    Ok(())
}
