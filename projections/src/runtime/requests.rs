//! What operators ask for. Requests are rows; the worker that holds the lease acts on them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{FromRow, PgPool};

use super::build::{self, BuildKey};

/// Why a request cannot be met.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("there is no projection {0}")]
    UnknownProjection(String),
    #[error("there is no parked event {0}")]
    UnknownParked(i64),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// An event set aside by a build.
#[derive(Debug, Clone, Serialize, FromRow)]
pub struct ParkedEvent {
    pub id: i64,
    pub projection: String,
    pub version: i32,
    pub build: i32,
    pub position: i64,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub event_type: String,
    /// Why it failed; none if it only waits behind an earlier one of its stream.
    pub error: Option<String>,
    pub attempts: i32,
    pub parked_at: DateTime<Utc>,
    /// When it is tried again unasked; none if it is not.
    pub due_at: Option<DateTime<Utc>>,
}

/// What was discarded: no build of the projection will apply it.
#[derive(Debug, Clone, Serialize, FromRow)]
pub struct Discarded {
    pub projection: String,
    pub position: i64,
}

/// Builds the newest version that runs anew beside the live one. Asking again while one is under
/// way answers that one.
pub async fn rebuild(pool: &PgPool, name: &str) -> Result<BuildKey, RequestError> {
    rebuild_for(pool, name, i64::MAX).await
}

/// Like [`rebuild`], for the request recorded at a position: however often it is repeated, one
/// build comes of it.
pub async fn rebuild_for(
    pool: &PgPool,
    name: &str,
    position: i64,
) -> Result<BuildKey, RequestError> {
    let mut tx = pool.begin().await?;
    // The lease's row keeps two requests from opening two builds.
    let version: Option<i32> = sqlx::query_scalar(
        "select version from projections.leases where name = $1
         order by until > clock_timestamp() desc, version desc limit 1
         for update",
    )
    .bind(name)
    .fetch_optional(&mut *tx)
    .await?;
    let version = version.ok_or_else(|| RequestError::UnknownProjection(name.to_owned()))?;
    let made: Option<BuildKey> = sqlx::query_as(
        "select name, version, build from projections.builds
         where name = $1 and version = $2 and purpose = 'serve'
           and (state = 'building'
                or created_at >= (select recorded_at from eventstore.events where position = $3))
         order by build desc limit 1",
    )
    .bind(name)
    .bind(version)
    .bind(position)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(key) = made {
        return Ok(key);
    }
    let build = build::open(&mut tx, name, version, "serve").await?;
    tx.commit().await?;
    Ok(build.key)
}

/// True if some program runs this projection now.
pub async fn is_run(pool: &PgPool, name: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select exists (select from projections.leases
                        where name = $1 and holder is not null and until > clock_timestamp())",
    )
    .bind(name)
    .fetch_one(pool)
    .await
}

/// One parked event.
pub async fn parked_event(pool: &PgPool, id: i64) -> Result<ParkedEvent, RequestError> {
    let event: Option<ParkedEvent> = sqlx::query_as(
        "select id, name as projection, version, build, position, aggregate_type, aggregate_id,
                event_type, error, attempts, parked_at, due_at
         from projections.parked where id = $1 and not discarded",
    )
    .bind(id)
    .fetch_optional(pool)
    .await?;
    event.ok_or(RequestError::UnknownParked(id))
}

/// Stops a projection where it is, until it is resumed.
pub async fn pause(pool: &PgPool, name: &str, by: &str) -> Result<(), RequestError> {
    known(pool, name).await?;
    sqlx::query(
        "insert into projections.paused (name, paused_by) values ($1, $2) on conflict do nothing",
    )
    .bind(name)
    .bind(by)
    .execute(pool)
    .await?;
    Ok(())
}

/// Lets a paused projection go on.
pub async fn resume(pool: &PgPool, name: &str) -> Result<(), RequestError> {
    known(pool, name).await?;
    sqlx::query("delete from projections.paused where name = $1").bind(name).execute(pool).await?;
    Ok(())
}

/// An error unless some program has run a projection of this name.
pub async fn known(pool: &PgPool, name: &str) -> Result<(), RequestError> {
    let known: bool =
        sqlx::query_scalar("select exists (select from projections.leases where name = $1)")
            .bind(name)
            .fetch_one(pool)
            .await?;
    if known { Ok(()) } else { Err(RequestError::UnknownProjection(name.to_owned())) }
}

/// Parked events of the builds that count, oldest first, after an id.
pub async fn parked(
    pool: &PgPool,
    projection: Option<&str>,
    after: i64,
    limit: i64,
) -> Result<Vec<ParkedEvent>, sqlx::Error> {
    sqlx::query_as(
        "select id, name as projection, version, build, parked.position, aggregate_type,
                aggregate_id, event_type, parked.error, attempts, parked_at, due_at
         from projections.parked parked
         join projections.builds builds using (name, version, build)
         where builds.state <> 'retired' and not discarded
           and ($1::text is null or name = $1) and id > $2
         order by id
         limit $3",
    )
    .bind(projection)
    .bind(after)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Tries a parked event again now, after those of its stream that stand before it.
pub async fn retry(pool: &PgPool, id: i64) -> Result<(), RequestError> {
    let asked = sqlx::query(
        "update projections.parked head set due_at = clock_timestamp(), attempts = 0
         where id = (
             select first.id from projections.parked first
             join projections.parked asked using (name, version, build, aggregate_type, aggregate_id)
             where asked.id = $1
             order by first.position limit 1)",
    )
    .bind(id)
    .execute(pool)
    .await?;
    if asked.rows_affected() == 0 {
        return Err(RequestError::UnknownParked(id));
    }
    Ok(())
}

/// Tries up to `limit` failed events of a projection again now. Answers how many, and the position
/// of the first.
pub async fn retry_all(
    pool: &PgPool,
    name: &str,
    limit: i64,
) -> Result<(i64, Option<i64>), RequestError> {
    known(pool, name).await?;
    let asked = sqlx::query_as(
        "with asked as (
             update projections.parked set due_at = clock_timestamp(), attempts = 0
             where id in (select id from projections.parked
                          where name = $1 and error is not null and not discarded
                          order by position limit $2)
             returning position)
         select count(*), min(position) from asked",
    )
    .bind(name)
    .bind(limit)
    .fetch_one(pool)
    .await?;
    Ok(asked)
}

/// The position of the first event that a retry would try.
pub async fn oldest_parked(pool: &PgPool, name: &str) -> Result<Option<i64>, RequestError> {
    let oldest = sqlx::query_scalar(
        "select min(position) from projections.parked
         where name = $1 and error is not null and not discarded",
    )
    .bind(name)
    .fetch_one(pool)
    .await?;
    Ok(oldest)
}

/// Gives a parked event up, in this build and in all later ones, and says why.
pub async fn discard(
    pool: &PgPool,
    id: i64,
    reason: &str,
    by: &str,
) -> Result<Discarded, RequestError> {
    let discarded: Option<Discarded> = sqlx::query_as(
        "with asked as (select name, position from projections.parked where id = $1),
              kept as (insert into projections.discards (name, position, reason, discarded_by)
                       select name, position, $2, $3 from asked
                       on conflict do nothing),
              marked as (update projections.parked
                         set discarded = true, due_at = clock_timestamp()
                         from asked
                         where parked.name = asked.name and parked.position = asked.position)
         select name as projection, position from asked",
    )
    .bind(id)
    .bind(reason)
    .bind(by)
    .fetch_optional(pool)
    .await?;
    discarded.ok_or(RequestError::UnknownParked(id))
}
