//! How readers rate each item.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::rating::{Event, Rating, Score};
use domain::{ItemId, ItemKind};
use eventstore::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Projection, ProjectionError};

pub struct ItemRatings;

/// The score, when, and at which position; none once it has been withdrawn.
type Given = Option<(Score, DateTime<Utc>, i64)>;

/// Differences per item and score, and each rating as it stands after the batch.
#[derive(Debug, Default, PartialEq)]
struct Changes {
    items: BTreeMap<ItemId, (i64, i64)>,
    scores: BTreeMap<(ItemId, Score), i64>,
    ratings: BTreeMap<(Uuid, ItemId), Given>,
}

#[async_trait]
impl Projection for ItemRatings {
    fn name(&self) -> &'static str {
        "item_ratings"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Rating::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("rating.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let changes = changes(batch)?;
        write_items(tx, changes.items).await?;
        write_scores(tx, changes.scores).await?;
        write_ratings(tx, changes.ratings).await
    }
}

fn changes(batch: &[&RecordedEvent]) -> Result<Changes, ProjectionError> {
    let mut changes = Changes::default();
    for event in batch {
        let (rating, from, to, at) = match event.decode()? {
            Event::ItemRated { rating, score, at } => (rating, None, Some(score), at),
            Event::RatingChanged { rating, from, to, at } => (rating, Some(from), Some(to), at),
            Event::RatingWithdrawn { rating, score, at } => (rating, Some(score), None, at),
        };
        for (score, sign) in from.map(|score| (score, -1)).into_iter().chain(to.map(|to| (to, 1))) {
            let (ratings, points) = changes.items.entry(rating.item).or_default();
            *ratings += sign;
            *points += sign * i64::from(score.points());
            *changes.scores.entry((rating.item, score)).or_default() += sign;
        }
        changes
            .ratings
            .insert((rating.reader.uuid(), rating.item), to.map(|to| (to, at, event.position)));
    }
    Ok(changes)
}

async fn write_items(
    tx: &mut PgConnection,
    items: BTreeMap<ItemId, (i64, i64)>,
) -> Result<(), ProjectionError> {
    let (keys, (ratings, points)): (Vec<_>, (Vec<_>, Vec<_>)) = items.into_iter().unzip();
    let (kinds, ids) = columns(&keys);
    sqlx::query(
        "insert into item_ratings as rated (kind, item, ratings, points)
         select * from unnest($1::text[], $2::uuid[], $3::bigint[], $4::bigint[])
         on conflict (kind, item) do update
            set ratings = rated.ratings + excluded.ratings,
                points = rated.points + excluded.points",
    )
    .bind(kinds)
    .bind(ids)
    .bind(ratings)
    .bind(points)
    .execute(tx)
    .await?;
    Ok(())
}

async fn write_scores(
    tx: &mut PgConnection,
    scores: BTreeMap<(ItemId, Score), i64>,
) -> Result<(), ProjectionError> {
    let ((keys, scores), ratings): ((Vec<_>, Vec<_>), Vec<_>) = scores
        .into_iter()
        .map(|((item, score), ratings)| ((item, i16::from(score.points())), ratings))
        .unzip();
    let (kinds, ids) = columns(&keys);
    sqlx::query(
        "insert into item_scores as scored (kind, item, score, ratings)
         select * from unnest($1::text[], $2::uuid[], $3::smallint[], $4::bigint[])
         on conflict (kind, item, score) do update
            set ratings = scored.ratings + excluded.ratings",
    )
    .bind(kinds)
    .bind(ids)
    .bind(scores)
    .bind(ratings)
    .execute(tx)
    .await?;
    Ok(())
}

async fn write_ratings(
    tx: &mut PgConnection,
    ratings: BTreeMap<(Uuid, ItemId), Given>,
) -> Result<(), ProjectionError> {
    let (mut given, mut withdrawn) = (Vec::new(), Vec::new());
    for ((reader, item), rating) in ratings {
        match rating {
            Some((score, at, position)) => given.push((reader, item, score, at, position)),
            None => withdrawn.push((reader, item)),
        }
    }
    let (kinds, ids) = columns(&given.iter().map(|row| row.1).collect::<Vec<_>>());
    sqlx::query(
        "insert into reader_ratings (reader, kind, item, score, rated_at, position)
         select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::smallint[],
                              $5::timestamptz[], $6::bigint[])
         on conflict (reader, kind, item) do update
            set score = excluded.score, rated_at = excluded.rated_at,
                position = excluded.position",
    )
    .bind(given.iter().map(|row| row.0).collect::<Vec<_>>())
    .bind(kinds)
    .bind(ids)
    .bind(given.iter().map(|row| i16::from(row.2.points())).collect::<Vec<_>>())
    .bind(given.iter().map(|row| row.3).collect::<Vec<_>>())
    .bind(given.iter().map(|row| row.4).collect::<Vec<_>>())
    .execute(&mut *tx)
    .await?;

    let (readers, items): (Vec<_>, Vec<_>) = withdrawn.into_iter().unzip();
    let (kinds, ids) = columns(&items);
    sqlx::query(
        "delete from reader_ratings
          where (reader, kind, item)
             in (select * from unnest($1::uuid[], $2::text[], $3::uuid[]))",
    )
    .bind(readers)
    .bind(kinds)
    .bind(ids)
    .execute(tx)
    .await?;
    Ok(())
}

fn columns(items: &[ItemId]) -> (Vec<&'static str>, Vec<Uuid>) {
    items.iter().map(|item| (ItemKind::name(item.kind), item.id)).unzip()
}
