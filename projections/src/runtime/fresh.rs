//! A fresh build beside the live one, by the program that asks: to compare it, or to see what a read
//! model knew at a position. Whoever asked for it drops it; if they die, the janitor does.

use std::collections::HashSet;

use eventstore::{Reader, RecordedEvent};
use sqlx::{Connection, PgConnection, PgPool};

use super::build::{self, Build, BuildKey};
use super::checkpoint::{self, Mark, Move};
use super::verify::VerifyError;
use super::{janitor, page, worker};
use crate::Projection;

/// Positions read at a time, and how near a comparison comes before it holds the live build.
pub(super) const GAP_MAX: i64 = 4_000;

/// How far a fresh build is.
#[derive(Debug, Clone, Copy)]
pub struct FreshProgress {
    pub position: i64,
    pub target: i64,
}

/// Builds afresh up to a position, lets `read` look into the schema that has the tables, drops it.
///
/// Left out is what the live build leaves out as well: it is parked, or was discarded.
pub async fn as_of<T>(
    pool: &PgPool,
    reader: &Reader,
    projection: &dyn Projection,
    position: i64,
    progress: &(dyn Fn(FreshProgress) + Send + Sync),
    read: impl AsyncFnOnce(&str) -> T,
) -> Result<T, VerifyError> {
    let (keeper, build) = begin(pool, projection).await?;
    let (key, schema) = (build.key.clone(), build.schema.clone());
    let built = async {
        let mut connection = pool.acquire().await?;
        let live = live_build(&mut connection, projection).await?;
        let left_out = left_out(&mut connection, projection, live).await?;
        drop(connection);
        let mut fresh = Fresh::new(pool, reader, projection, build, left_out);
        fresh.apply_until(position, progress).await
    };
    let read = match built.await {
        Ok(()) => Ok(read(&schema).await),
        Err(error) => Err(error),
    };
    end(pool, keeper, &key, &schema).await?;
    read
}

pub(super) struct Fresh<'a> {
    pool: &'a PgPool,
    reader: &'a Reader,
    projection: &'a dyn Projection,
    pub build: Build,
    pub left_out: HashSet<i64>,
    pub position: i64,
    pub events: usize,
}

/// Opens a build, and a session that holds the lock which keeps other programs from dropping it.
/// Detached, it ends with us whatever happens.
pub(super) async fn begin(
    pool: &PgPool,
    projection: &dyn Projection,
) -> Result<(PgConnection, Build), VerifyError> {
    let mut keeper = pool.acquire().await?.detach();
    let version = worker::version_of(projection);
    let mut tx = keeper.begin().await?;
    let mut build = build::open(&mut tx, projection.name(), version, "verify").await?;
    sqlx::query("select pg_advisory_lock(hashtextextended($1, 0))")
        .bind(&build.schema)
        .execute(&mut *tx)
        .await?;
    // Nobody reads it but us, from end to end.
    build::prepare(&mut tx, &mut build, projection, true).await?;
    tx.commit().await?;
    Ok((keeper, build))
}

pub(super) async fn end(
    pool: &PgPool,
    keeper: PgConnection,
    key: &BuildKey,
    schema: &str,
) -> Result<(), VerifyError> {
    keeper.close().await?;
    let mut connection = pool.acquire().await?;
    janitor::drop_unless_used(&mut connection, key, schema).await?;
    Ok(())
}

impl<'a> Fresh<'a> {
    pub fn new(
        pool: &'a PgPool,
        reader: &'a Reader,
        projection: &'a dyn Projection,
        build: Build,
        left_out: HashSet<i64>,
    ) -> Self {
        Self { pool, reader, projection, build, left_out, position: 0, events: 0 }
    }

    pub async fn apply_until(
        &mut self,
        target: i64,
        progress: &(dyn Fn(FreshProgress) + Send + Sync),
    ) -> Result<(), VerifyError> {
        while self.position < target {
            let until = target.min(self.position + GAP_MAX);
            let sources = self.projection.sources();
            let events = self.reader.window(sources, self.position, until).await?;
            let events: Vec<&RecordedEvent> =
                events.iter().filter(|event| !self.left_out.contains(&event.position)).collect();
            let leaf = page::leaf_at(self.reader, until).await?;
            self.apply(&events, Mark { position: until, leaf }).await?;
            self.position = until;
            self.events += events.len();
            progress(FreshProgress { position: until, target });
        }
        Ok(())
    }

    async fn apply(&self, events: &[&RecordedEvent], to: Mark) -> Result<(), VerifyError> {
        let mut tx = self.pool.begin().await?;
        let step = Move { token: 0, from: self.position, scanned: self.position, to, rate: 0.0 };
        let (key, schema) = (&self.build.key, &self.build.schema);
        if !checkpoint::advance(&mut tx, key, schema, step).await? {
            return Err(VerifyError::Changed(self.projection.name()));
        }
        if !events.is_empty() {
            self.projection.apply(events, &mut tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

async fn live_build(
    connection: &mut PgConnection,
    projection: &dyn Projection,
) -> Result<Option<i32>, sqlx::Error> {
    sqlx::query_scalar(
        "select build from projections.builds where name = $1 and version = $2 and state = 'live'",
    )
    .bind(projection.name())
    .bind(worker::version_of(projection))
    .fetch_optional(connection)
    .await
}

/// Positions that are parked in a build, and those that were discarded from all.
pub(super) async fn left_out(
    connection: &mut PgConnection,
    projection: &dyn Projection,
    build: Option<i32>,
) -> Result<HashSet<i64>, sqlx::Error> {
    let positions = sqlx::query_scalar(
        "select position from projections.parked
         where name = $1 and version = $2 and build = $3
         union
         select position from projections.discards where name = $1",
    )
    .bind(projection.name())
    .bind(worker::version_of(projection))
    .bind(build)
    .fetch_all(connection)
    .await?;
    Ok(positions.into_iter().collect())
}
