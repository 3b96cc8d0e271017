//! Instances set aside, because a reaction failed for a reason that waiting does not mend. Later
//! events of the instance queue up behind the one that failed; all other instances go on.
//!
//! They are tried again, ever more rarely, and when the program restarts: it may be a newer one.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use eventstore::Reader;
use sqlx::{FromRow, PgPool};

/// Retries due at a time.
const DUE_MAX: i64 = 64;
/// The pause before the first retry, which doubles up to the longest.
const RETRY_FIRST_SECONDS: f64 = 60.0;
const RETRY_MOST_SECONDS: f64 = 3_600.0;

/// An instance that waits for a repair.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct Parked {
    pub process: String,
    pub instance: String,
    /// Of the event whose reaction failed.
    pub position: i64,
    pub error: String,
    pub attempts: i32,
    pub parked_at: DateTime<Utc>,
}

/// What waits for a repair, the oldest first.
pub async fn parked(pool: &PgPool) -> Result<Vec<Parked>, sqlx::Error> {
    sqlx::query_as(
        "select name as process, instance, position, error, attempts, parked_at
         from processes.parked where error is not null order by parked_at",
    )
    .fetch_all(pool)
    .await
}

/// The parked instances of a process that starts, all of which are to be tried again.
///
/// A restore may have lost what was parked.
pub(crate) async fn load(reader: &Reader, process: &str) -> Result<HashSet<String>, sqlx::Error> {
    let head = reader.head().await?;
    sqlx::query("delete from processes.parked where name = $1 and position > $2")
        .bind(process)
        .bind(head)
        .execute(reader.pool())
        .await?;
    let instances: Vec<String> = sqlx::query_scalar(
        "update processes.parked set due_at = clock_timestamp() where name = $1
         returning instance",
    )
    .bind(process)
    .fetch_all(reader.pool())
    .await?;
    Ok(instances.into_iter().collect())
}

/// Sets an event aside after some attempts, or keeps it there after some more.
pub(crate) async fn park(
    pool: &PgPool,
    process: &str,
    (instance, position): (&str, i64),
    attempts: i32,
    error: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with over as (delete from processes.running where name = $1 and position = $3)
         insert into processes.parked as parked
             (name, instance, position, attempts, error, due_at)
         values ($1, $2, $3, $4, $5, clock_timestamp() + make_interval(secs => $6))
         on conflict (name, position) do update
            set attempts = parked.attempts + excluded.attempts, error = excluded.error,
                due_at = clock_timestamp() + make_interval(
                    secs => least($7, $6 * 2 ^ least(parked.attempts / excluded.attempts, 20)))",
    )
    .bind(process)
    .bind(instance)
    .bind(position)
    .bind(attempts)
    // Text columns refuse U+0000, which an error message may quote.
    .bind(error.replace('\0', "\u{fffd}"))
    .bind(RETRY_FIRST_SECONDS)
    .bind(RETRY_MOST_SECONDS)
    .execute(pool)
    .await?;
    Ok(())
}

/// Lets events wait behind the one of their instance that is parked.
pub(crate) async fn queue(
    pool: &PgPool,
    process: &str,
    events: &[(String, i64)],
) -> Result<(), sqlx::Error> {
    let (instances, positions): (Vec<&str>, Vec<i64>) =
        events.iter().map(|(instance, position)| (instance.as_str(), *position)).unzip();
    sqlx::query(
        "insert into processes.parked (name, instance, position)
         select $1, * from unnest($2::text[], $3::bigint[]) on conflict do nothing",
    )
    .bind(process)
    .bind(instances)
    .bind(positions)
    .execute(pool)
    .await?;
    Ok(())
}

/// The event is dealt with. Returns the next one of its instance, if one waits.
pub(crate) async fn release(
    pool: &PgPool,
    process: &str,
    instance: &str,
    position: i64,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query(
        "with over as (delete from processes.running where name = $1 and position = $2)
         delete from processes.parked where name = $1 and position = $2",
    )
    .bind(process)
    .bind(position)
    .execute(pool)
    .await?;
    sqlx::query_scalar(
        "select min(position) from processes.parked where name = $1 and instance = $2",
    )
    .bind(process)
    .bind(instance)
    .fetch_one(pool)
    .await
}

/// The first events of instances that are to be tried again now.
pub(crate) async fn due(pool: &PgPool, process: &str) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query_as(
        "select instance, position
         from (select distinct on (instance) instance, position, due_at from processes.parked
               where name = $1 order by instance, position) as first
         where due_at <= clock_timestamp() order by due_at limit $2",
    )
    .bind(process)
    .bind(DUE_MAX)
    .fetch_all(pool)
    .await
}
