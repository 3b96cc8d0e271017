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
    #[error("no parked event of {0} belongs to the group {1}")]
    UnknownGroup(String, String),
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

/// Parked events of one projection that failed alike.
#[derive(Debug, Clone, Serialize, FromRow)]
pub struct ParkedGroup {
    pub projection: String,
    pub group: String,
    /// What their errors have in common: numbers and ids are `#`.
    pub error: String,
    pub events: i64,
    pub oldest_position: i64,
    pub newest_position: i64,
    pub oldest_at: DateTime<Utc>,
    pub newest_at: DateTime<Utc>,
    /// When the first of them is tried again unasked; none if none is.
    pub due_at: Option<DateTime<Utc>>,
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

/// The groups of the builds that count, by projection and group, after one of them.
pub async fn parked_groups(
    pool: &PgPool,
    projection: Option<&str>,
    after: Option<(String, String)>,
    limit: i64,
) -> Result<Vec<ParkedGroup>, sqlx::Error> {
    let (after_projection, after_group) = after.unzip();
    sqlx::query_as(
        "select name as projection, error_group as group,
                min(projections.alike(parked.error)) as error,
                count(distinct parked.position) as events,
                min(parked.position) as oldest_position, max(parked.position) as newest_position,
                min(parked_at) as oldest_at, max(parked_at) as newest_at, min(due_at) as due_at
         from projections.parked parked
         join projections.builds builds using (name, version, build)
         where builds.state <> 'retired' and not discarded and error_group is not null
           and ($1::text is null or name = $1)
           and ($2::text is null or (name, error_group) > ($2, $3))
         group by name, error_group
         order by name, error_group
         limit $4",
    )
    .bind(projection)
    .bind(after_projection)
    .bind(after_group)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Which failed events of a projection are meant: all, or those of one group.
pub async fn failed_positions(
    pool: &PgPool,
    name: &str,
    group: Option<&str>,
    limit: i64,
) -> Result<Vec<i64>, RequestError> {
    let positions: Vec<i64> = sqlx::query_scalar(
        "select distinct position from projections.parked
         where name = $1 and error is not null and not discarded
           and ($2::text is null or error_group = $2)
         order by position limit $3",
    )
    .bind(name)
    .bind(group)
    .bind(limit)
    .fetch_all(pool)
    .await?;
    match group {
        Some(group) if positions.is_empty() => {
            Err(RequestError::UnknownGroup(name.to_owned(), group.to_owned()))
        }
        _ => Ok(positions),
    }
}

/// Tries failed events of a projection again now. Answers how many there still are.
pub async fn retry_failed(
    pool: &PgPool,
    name: &str,
    positions: &[i64],
) -> Result<i64, RequestError> {
    let asked = sqlx::query_scalar(
        "with asked as (
             update projections.parked set due_at = clock_timestamp(), attempts = 0
             where name = $1 and position = any($2) and error is not null and not discarded
             returning position)
         select count(distinct position) from asked",
    )
    .bind(name)
    .bind(positions)
    .fetch_one(pool)
    .await?;
    Ok(asked)
}

/// Gives events of a projection up, in this build and in all later ones, and says why.
pub async fn discard(
    pool: &PgPool,
    name: &str,
    positions: &[i64],
    reason: &str,
    by: &str,
) -> Result<(), RequestError> {
    sqlx::query(
        "with kept as (insert into projections.discards (name, position, reason, discarded_by)
                       select $1, position, $3, $4 from unnest($2::bigint[]) as given (position)
                       on conflict do nothing)
         update projections.parked set discarded = true, due_at = clock_timestamp()
         where name = $1 and position = any($2)",
    )
    .bind(name)
    .bind(positions)
    .bind(reason)
    .bind(by)
    .execute(pool)
    .await?;
    Ok(())
}
