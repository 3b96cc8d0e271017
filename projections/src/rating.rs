//! How readers rate each item.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::ItemId;
use domain::rating::{Event, Rating, Score};
use eventstore::RecordedEvent;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres};
use uuid::Uuid;

use crate::{Projection, ProjectionError};

pub struct ItemRatings;

/// A rating that a batch has to do with.
#[derive(Debug, PartialEq)]
struct Given {
    /// Whether it was there before the batch.
    known: bool,
    /// The score, when, and at which position; none once it has been withdrawn.
    now: Option<(Score, DateTime<Utc>, i64)>,
}

/// How many scores there are, from 0 up.
const SCORES: usize = 11;

/// How many gave each score, or by how many more that differs.
#[derive(Debug, Default, PartialEq)]
struct Counts([i64; SCORES]);

impl Counts {
    fn add(&mut self, score: Score, ratings: i64) {
        self.0[usize::from(score.points())] += ratings;
    }

    fn ratings(&self) -> i64 {
        self.0.iter().sum()
    }

    fn points(&self) -> i64 {
        (0..).zip(self.0).map(|(points, ratings): (i64, i64)| points * ratings).sum()
    }
}

/// Differences per item, and each rating as it stands after the batch.
#[derive(Debug, Default, PartialEq)]
struct Changes {
    items: BTreeMap<ItemId, Counts>,
    ratings: BTreeMap<(Uuid, ItemId), Given>,
}

#[async_trait]
impl Projection for ItemRatings {
    fn name(&self) -> &'static str {
        "item_ratings"
    }

    fn version(&self) -> u32 {
        3
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
        let counts = changes.items.entry(rating.item).or_default();
        if let Some(score) = from {
            counts.add(score, -1);
        }
        if let Some(score) = to {
            counts.add(score, 1);
        }
        let key = (rating.reader.uuid(), rating.item);
        let given = changes.ratings.entry(key);
        given.or_insert(Given { known: from.is_some(), now: None }).now =
            to.map(|to| (to, at, event.position));
    }
    Ok(changes)
}

async fn write_items(
    tx: &mut PgConnection,
    items: BTreeMap<ItemId, Counts>,
) -> Result<(), ProjectionError> {
    let (mut kinds, mut ids) = (Vec::new(), Vec::new());
    let (mut ratings, mut points, mut scores) = (Vec::new(), Vec::new(), Vec::new());
    for (item, counts) in items {
        kinds.push(item.kind.name());
        ids.push(item.id);
        ratings.push(counts.ratings());
        points.push(counts.points());
        scores.extend(counts.0);
    }
    sqlx::query(
        "insert into item_ratings as rated (kind, item, ratings, points, scores)
         select kind, item, ratings, points, ($5::bigint[])[$6 * (n - 1) + 1 : $6 * n]
           from unnest($1::text[], $2::uuid[], $3::bigint[], $4::bigint[])
                with ordinality as c (kind, item, ratings, points, n)
         on conflict (kind, item) do update
            set ratings = rated.ratings + excluded.ratings,
                points = rated.points + excluded.points,
                scores = array(select had + more
                                 from unnest(rated.scores, excluded.scores) as s (had, more))",
    )
    .bind(kinds)
    .bind(ids)
    .bind(ratings)
    .bind(points)
    .bind(scores)
    .bind(SCORES as i32)
    .execute(tx)
    .await?;
    Ok(())
}

async fn write_ratings(
    tx: &mut PgConnection,
    ratings: BTreeMap<(Uuid, ItemId), Given>,
) -> Result<(), ProjectionError> {
    let (mut new, mut changed, mut withdrawn) = (Rows::default(), Rows::default(), Rows::default());
    for ((reader, item), rating) in ratings {
        match (rating.known, rating.now) {
            (false, Some(now)) => new.push(reader, item, now),
            (true, Some(now)) => changed.push(reader, item, now),
            (true, None) => withdrawn.push_key(reader, item),
            (false, None) => {}
        }
    }
    if !withdrawn.readers.is_empty() {
        let delete = sqlx::query(
            "delete from reader_ratings
              where (reader, kind, item)
                 in (select * from unnest($1::uuid[], $2::text[], $3::uuid[]))",
        );
        withdrawn.bind_keys(delete).execute(&mut *tx).await?;
    }
    // Looking for a conflict where there can be none costs nearly as much as the row.
    let insert = sqlx::query(
        "insert into reader_ratings (reader, kind, item, score, rated_at, position)
         select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::smallint[],
                              $5::timestamptz[], $6::bigint[])",
    );
    new.bind(insert).execute(&mut *tx).await?;
    if !changed.readers.is_empty() {
        let update = sqlx::query(
            "update reader_ratings given
                set score = now.score, rated_at = now.rated_at, position = now.position
               from unnest($1::uuid[], $2::text[], $3::uuid[], $4::smallint[], $5::timestamptz[],
                           $6::bigint[]) as now (reader, kind, item, score, rated_at, position)
              where (given.reader, given.kind, given.item) = (now.reader, now.kind, now.item)",
        );
        changed.bind(update).execute(tx).await?;
    }
    Ok(())
}

type Statement = Query<'static, Postgres, PgArguments>;

/// Columns of `reader_ratings`.
#[derive(Default)]
struct Rows {
    readers: Vec<Uuid>,
    kinds: Vec<&'static str>,
    items: Vec<Uuid>,
    scores: Vec<i16>,
    times: Vec<DateTime<Utc>>,
    positions: Vec<i64>,
}

impl Rows {
    fn push(&mut self, reader: Uuid, item: ItemId, now: (Score, DateTime<Utc>, i64)) {
        self.push_key(reader, item);
        self.scores.push(i16::from(now.0.points()));
        self.times.push(now.1);
        self.positions.push(now.2);
    }

    fn push_key(&mut self, reader: Uuid, item: ItemId) {
        self.readers.push(reader);
        self.kinds.push(item.kind.name());
        self.items.push(item.id);
    }

    fn bind(self, statement: Statement) -> Statement {
        let Self { readers, kinds, items, scores, times, positions } = self;
        let statement = statement.bind(readers).bind(kinds).bind(items);
        statement.bind(scores).bind(times).bind(positions)
    }

    fn bind_keys(self, statement: Statement) -> Statement {
        statement.bind(self.readers).bind(self.kinds).bind(self.items)
    }
}
