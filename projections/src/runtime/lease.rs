//! Leases: one worker runs a version of a projection; if it stops renewing, another takes over
//! with a higher token.
//!
//! Workers that serve the same projections share them evenly. Each plans by the same rows and the
//! same rule, so they need not talk; where they disagree, the compare-and-set decides.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::{FromRow, PgPool};
use uuid::Uuid;

/// A free lease that the one it should go to has not taken for this long goes to anybody.
const COURTESY_SECONDS: f64 = 1.0;

/// A version of a projection, as `name/version`.
pub(super) type Served = String;

#[derive(Debug, Clone, FromRow)]
pub(super) struct Lease {
    pub name: String,
    pub version: i32,
    pub holder: Option<Uuid>,
    /// Negative while somebody holds it.
    pub free_seconds: f64,
}

impl Lease {
    pub fn served(&self) -> Served {
        served(&self.name, self.version)
    }
}

pub(super) fn served(name: &str, version: i32) -> Served {
    format!("{name}/{version}")
}

#[derive(Debug, Clone, FromRow)]
pub(super) struct WorkerRow {
    pub id: Uuid,
    pub serves: Vec<Served>,
}

/// What a worker does about the leases.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub take: Vec<(String, i32)>,
    /// For somebody who has less to do.
    pub hand_over: Option<(String, i32)>,
}

/// Free leases go to whoever holds fewest; a worker with two more than another gives one away.
pub(super) fn plan(me: Uuid, leases: &[Lease], workers: &[WorkerRow]) -> Plan {
    let mut held: HashMap<Uuid, usize> = workers.iter().map(|worker| (worker.id, 0)).collect();
    for lease in leases.iter().filter(|lease| lease.free_seconds < 0.0) {
        if let Some(count) = lease.holder.and_then(|holder| held.get_mut(&holder)) {
            *count += 1;
        }
    }
    let could = |worker: &WorkerRow, lease: &Lease| worker.serves.contains(&lease.served());
    let mut plan = Plan::default();
    for lease in leases.iter().filter(|lease| lease.free_seconds >= 0.0) {
        let candidates = workers.iter().filter(|worker| could(worker, lease));
        let Some(next) = candidates.clone().min_by_key(|worker| (held[&worker.id], worker.id))
        else {
            continue;
        };
        *held.entry(next.id).or_default() += 1;
        let abandoned = lease.free_seconds > COURTESY_SECONDS
            && candidates.clone().any(|worker| worker.id == me);
        if next.id == me || abandoned {
            plan.take.push((lease.name.clone(), lease.version));
        }
    }
    let mine = held.get(&me).copied().unwrap_or(0);
    let mut others =
        workers.iter().filter(|worker| worker.id != me && held[&worker.id] + 2 <= mine);
    plan.hand_over = others.find_map(|other| {
        let given = leases.iter().rev().find(|lease| {
            lease.free_seconds < 0.0 && lease.holder == Some(me) && could(other, lease)
        })?;
        Some((given.name.clone(), given.version))
    });
    plan
}

/// Makes the lease of a version exist.
pub(super) async fn register(pool: &PgPool, name: &str, version: i32) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into projections.leases (name, version) values ($1, $2) on conflict do nothing",
    )
    .bind(name)
    .bind(version)
    .execute(pool)
    .await?;
    Ok(())
}

/// Says that a worker lives, renews what it holds, and answers that: name, version, token.
pub(super) async fn renew(
    pool: &PgPool,
    me: Uuid,
    serves: &[Served],
    ttl: Duration,
) -> Result<Vec<(String, i32, i64)>, sqlx::Error> {
    sqlx::query_as(
        "with quick as (select set_config('synchronous_commit', 'off', true)),
              seen as (insert into projections.workers (id, serves, seen_at)
                       values ($1, $2, clock_timestamp())
                       on conflict (id) do update
                       set serves = excluded.serves, seen_at = excluded.seen_at),
              gone as (delete from projections.workers
                       where seen_at < clock_timestamp() - interval '1 hour' and id <> $1)
         update projections.leases set until = clock_timestamp() + $3 * interval '1 s'
         from quick
         where holder = $1
         returning name, version, token",
    )
    .bind(me)
    .bind(serves)
    .bind(ttl.as_secs_f64())
    .fetch_all(pool)
    .await
}

/// Every lease, in a fixed order.
pub(super) async fn leases(pool: &PgPool) -> Result<Vec<Lease>, sqlx::Error> {
    sqlx::query_as(
        "select name, version, holder,
                extract(epoch from clock_timestamp() - until)::float8 as free_seconds
         from projections.leases
         order by name, version",
    )
    .fetch_all(pool)
    .await
}

/// The workers heard of within `ttl`.
pub(super) async fn workers(pool: &PgPool, ttl: Duration) -> Result<Vec<WorkerRow>, sqlx::Error> {
    sqlx::query_as(
        "select id, serves from projections.workers
         where seen_at > clock_timestamp() - $1 * interval '1 s'
         order by id",
    )
    .bind(ttl.as_secs_f64())
    .fetch_all(pool)
    .await
}

/// Takes a free lease under a new token. The commit waits for the disk: a token must never be
/// given twice.
pub(super) async fn take(
    pool: &PgPool,
    me: Uuid,
    name: &str,
    version: i32,
    ttl: Duration,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "with durable as (select set_config('synchronous_commit', 'on', true))
         update projections.leases
         set holder = $1, token = token + 1, until = clock_timestamp() + $4 * interval '1 s'
         from durable
         where name = $2 and version = $3 and until <= clock_timestamp()
         returning token",
    )
    .bind(me)
    .bind(name)
    .bind(version)
    .bind(ttl.as_secs_f64())
    .fetch_optional(pool)
    .await
}

/// Gives a lease back before its time.
pub(super) async fn release(
    pool: &PgPool,
    me: Uuid,
    name: &str,
    version: i32,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update projections.leases set holder = null, until = clock_timestamp()
         where name = $2 and version = $3 and holder = $1",
    )
    .bind(me)
    .bind(name)
    .bind(version)
    .execute(pool)
    .await?;
    Ok(())
}

/// Gives everything back: the program ends.
pub(super) async fn leave(pool: &PgPool, me: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with gone as (delete from projections.workers where id = $1)
         update projections.leases set holder = null, until = clock_timestamp() where holder = $1",
    )
    .bind(me)
    .execute(pool)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
