//! Compares a live read model with a fresh build of itself at the same position.
//!
//! The fresh build is made beside the live one by the program that asks. At the end the live
//! checkpoint is held for the moment it takes to apply the last events and take one snapshot of
//! both; everything is compared in that snapshot while the live one goes on.

use std::time::Instant;

use eventstore::Reader;
use serde::Serialize;
use sqlx::{Connection, Executor, FromRow, PgConnection, PgPool};

use super::build::{Build, quoted};
use super::fresh::{self, Fresh, FreshProgress, GAP_MAX};
use super::worker;
use crate::{Projection, ProjectionError};

/// Rows shown for each table that differs.
const SAMPLES_MAX: i64 = 5;

/// What came out.
#[derive(Debug, Clone, Serialize)]
pub struct VerifyReport {
    pub name: String,
    pub version: i32,
    /// Both were compared as of this position.
    pub position: i64,
    pub equal: bool,
    /// Events left out because they are parked or were discarded.
    pub left_out: usize,
    /// Events of the projection applied, and how fast.
    pub events: usize,
    pub seconds: f64,
    pub tables: Vec<TableComparison>,
}

/// One table in both builds.
#[derive(Debug, Clone, Serialize)]
pub struct TableComparison {
    pub table: String,
    pub equal: bool,
    pub rows_live: i64,
    pub rows_fresh: i64,
    /// Rows found only on one side, in full only where the checksums differ.
    pub only_live: i64,
    pub only_fresh: i64,
    pub samples: Vec<RowDifference>,
}

/// A row that only one side has, as Postgres writes rows.
#[derive(Debug, Clone, Serialize, FromRow)]
pub struct RowDifference {
    pub side: String,
    pub row: String,
}

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("{name} v{version} is not live: nothing to compare with")]
    NotLive { name: &'static str, version: u32 },
    #[error("another build went live, or events were parked, while {0} was compared; try again")]
    Changed(&'static str),
    #[error("the fresh build failed: {0}")]
    Build(#[from] ProjectionError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

#[derive(Debug, PartialEq, Eq, FromRow)]
struct Live {
    build: i32,
    schema: String,
    position: i64,
}

/// Builds afresh, compares, drops the fresh build.
pub async fn verify(
    pool: &PgPool,
    reader: &Reader,
    projection: &dyn Projection,
    progress: &(dyn Fn(FreshProgress) + Send + Sync),
) -> Result<VerifyReport, VerifyError> {
    let (mut keeper, build) = fresh::begin(pool, projection).await?;
    let (key, schema) = (build.key.clone(), build.schema.clone());
    let report = build_and_compare(pool, reader, projection, build, &mut keeper, progress).await;
    fresh::end(pool, keeper, &key, &schema).await?;
    report
}

async fn build_and_compare(
    pool: &PgPool,
    reader: &Reader,
    projection: &dyn Projection,
    build: Build,
    keeper: &mut PgConnection,
    progress: &(dyn Fn(FreshProgress) + Send + Sync),
) -> Result<VerifyReport, VerifyError> {
    let started = Instant::now();
    let mut connection = pool.acquire().await?;
    let mut live = live(&mut connection, projection, "").await?;
    let left_out = fresh::left_out(&mut connection, projection, Some(live.build)).await?;
    let mut fresh = Fresh::new(pool, reader, projection, build, left_out);
    while live.position - fresh.position > GAP_MAX {
        fresh.apply_until(live.position, progress).await?;
        live = self::live(&mut connection, projection, "").await?;
    }
    let mut hold = keeper.begin().await?;
    let held = self::live(&mut hold, projection, "for update").await?;
    let left_out = fresh::left_out(&mut hold, projection, Some(held.build)).await?;
    if held.build != live.build || left_out != fresh.left_out {
        return Err(VerifyError::Changed(projection.name()));
    }
    fresh.apply_until(held.position, progress).await?;
    let mut snapshot = connection.begin().await?;
    snapshot
        .execute("set transaction isolation level repeatable read, read only; select 1")
        .await?;
    hold.rollback().await?;
    let mut tables = Vec::new();
    for table in tables_of(&mut snapshot, &fresh.build.schema).await? {
        tables.push(compare(&mut snapshot, &held.schema, &fresh.build.schema, table).await?);
    }
    Ok(VerifyReport {
        name: projection.name().to_owned(),
        version: fresh.build.key.version,
        position: held.position,
        equal: tables.iter().all(|table| table.equal),
        left_out: fresh.left_out.len(),
        events: fresh.events,
        seconds: started.elapsed().as_secs_f64(),
        tables,
    })
}

async fn live(
    connection: &mut PgConnection,
    projection: &dyn Projection,
    lock: &str,
) -> Result<Live, VerifyError> {
    let live: Option<Live> = sqlx::query_as(&format!(
        "select build, schema, position from projections.builds
         where name = $1 and version = $2 and state = 'live' and not diverged {lock}"
    ))
    .bind(projection.name())
    .bind(worker::version_of(projection))
    .fetch_optional(connection)
    .await?;
    live.ok_or(VerifyError::NotLive { name: projection.name(), version: projection.version() })
}

async fn tables_of(
    connection: &mut PgConnection,
    schema: &str,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "select relname::text from pg_catalog.pg_class
         where relnamespace = $1::text::regnamespace and relkind in ('r', 'p')
         order by relname",
    )
    .bind(quoted(schema))
    .fetch_all(connection)
    .await
}

async fn compare(
    snapshot: &mut PgConnection,
    live: &str,
    fresh: &str,
    table: String,
) -> Result<TableComparison, sqlx::Error> {
    let (live, fresh) = (place(live, &table), place(fresh, &table));
    let (rows_live, sum_live) = checksum(snapshot, &live).await?;
    let (rows_fresh, sum_fresh) = checksum(snapshot, &fresh).await?;
    let mut comparison = TableComparison {
        table,
        equal: (rows_live, sum_live) == (rows_fresh, sum_fresh),
        rows_live,
        rows_fresh,
        only_live: 0,
        only_fresh: 0,
        samples: Vec::new(),
    };
    if !comparison.equal {
        let (only, mut samples) = only_in(snapshot, "live", &live, &fresh).await?;
        comparison.only_live = only;
        comparison.samples.append(&mut samples);
        let (only, mut samples) = only_in(snapshot, "fresh", &fresh, &live).await?;
        comparison.only_fresh = only;
        comparison.samples.append(&mut samples);
    }
    Ok(comparison)
}

fn place(schema: &str, table: &str) -> String {
    format!("{}.{}", quoted(schema), quoted(table))
}

/// Number of rows and a sum over them that does not depend on their order.
async fn checksum(snapshot: &mut PgConnection, place: &str) -> Result<(i64, String), sqlx::Error> {
    sqlx::query_as(&format!(
        "select count(*), coalesce(sum(hashtextextended(r::text, 0)::numeric), 0)::text
         from {place} r"
    ))
    .fetch_one(snapshot)
    .await
}

async fn only_in(
    snapshot: &mut PgConnection,
    side: &str,
    place: &str,
    other: &str,
) -> Result<(i64, Vec<RowDifference>), sqlx::Error> {
    let only =
        format!("select r::text as line from {place} r except all select r::text from {other} r");
    let count = sqlx::query_scalar(&format!("select count(*) from ({only}) differing"))
        .fetch_one(&mut *snapshot)
        .await?;
    let samples = sqlx::query_as(&format!(
        "select $1 as side, line as row from ({only}) differing order by line limit $2"
    ))
    .bind(side)
    .bind(SAMPLES_MAX)
    .fetch_all(snapshot)
    .await?;
    Ok((count, samples))
}
