//! The newest of the lists that are fixed every day.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use cqrs_es::Aggregate;
use domain::weekly::{Event, List, Weekly};
use eventstore::RecordedEvent;
use sqlx::PgConnection;

use crate::{Projection, ProjectionError};

pub struct WeeklyLists;

/// The lists of one kind and one period, and their day.
#[derive(Debug, PartialEq)]
struct Fixed {
    day: NaiveDate,
    at: DateTime<Utc>,
    lists: Vec<List>,
}

/// By kind and period.
type Changes = BTreeMap<(&'static str, &'static str), Fixed>;

#[async_trait]
impl Projection for WeeklyLists {
    fn name(&self) -> &'static str {
        "weekly_lists"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Weekly::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("weekly.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        write(tx, changes(batch)?).await
    }
}

/// The newest day of each, in whatever order days were fixed.
fn changes(batch: &[&RecordedEvent]) -> Result<Changes, ProjectionError> {
    let mut changes = Changes::new();
    for event in batch {
        let Event::WeeklyListsFixed { day, fixed, at } = event.decode()?;
        let key = (fixed.kind.name(), fixed.period.name());
        if changes.get(&key).is_none_or(|known| known.day < day) {
            changes.insert(key, Fixed { day, at, lists: fixed.lists });
        }
    }
    Ok(changes)
}

async fn write(tx: &mut PgConnection, changes: Changes) -> Result<(), ProjectionError> {
    for ((kind, period), Fixed { day, at, lists }) in changes {
        let is_newer = sqlx::query(
            "insert into weekly_days as known (kind, period, day, fixed_at) values ($1, $2, $3, $4)
             on conflict (kind, period) do update
                set day = excluded.day, fixed_at = excluded.fixed_at
              where known.day < excluded.day",
        )
        .bind(kind)
        .bind(period)
        .bind(day)
        .bind(at)
        .execute(&mut *tx)
        .await?;
        if is_newer.rows_affected() == 0 {
            continue;
        }
        sqlx::query("delete from weekly_places where (kind, period) = ($1, $2)")
            .bind(kind)
            .bind(period)
            .execute(&mut *tx)
            .await?;
        write_places(tx, kind, period, lists).await?;
    }
    Ok(())
}

async fn write_places(
    tx: &mut PgConnection,
    kind: &str,
    period: &str,
    lists: Vec<List>,
) -> Result<(), ProjectionError> {
    let (mut genres, mut ranks, mut items) = (Vec::new(), Vec::new(), Vec::new());
    let (mut scores, mut ratings) = (Vec::new(), Vec::new());
    for list in lists {
        let genre = list.genre.map(String::from).unwrap_or_default();
        for (rank, place) in (1_i64..).zip(list.items) {
            genres.push(genre.clone());
            ranks.push(rank);
            items.push(place.id);
            scores.push(place.score);
            ratings.push(place.ratings);
        }
    }
    sqlx::query(
        "insert into weekly_places (kind, period, genre, rank, item, score, ratings)
         select $1, $2, * from unnest($3::text[], $4::bigint[], $5::uuid[], $6::float8[], $7::bigint[])",
    )
    .bind(kind)
    .bind(period)
    .bind(genres)
    .bind(ranks)
    .bind(items)
    .bind(scores)
    .bind(ratings)
    .execute(tx)
    .await?;
    Ok(())
}
