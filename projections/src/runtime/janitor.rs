//! Drops the tables of builds that nobody needs any more.

use std::time::Duration;

use sqlx::{Connection, Executor, FromRow, PgConnection, PgPool};

use super::build::{BuildKey, quoted};

/// A query that still reads old tables is not waited for: the next round is soon enough.
const DROP_LOCK_WAIT: &str = "200ms";
/// Builds dropped in one round.
const DROPS_MAX: i64 = 5;

#[derive(Debug, FromRow)]
struct Stale {
    #[sqlx(flatten)]
    key: BuildKey,
    schema: String,
}

/// Drops builds retired long enough ago, and comparisons whose program is gone.
pub(super) async fn drop_stale(pool: &PgPool, kept: Duration) -> Result<(), sqlx::Error> {
    let stale: Vec<Stale> = sqlx::query_as(
        "select name, version, build, schema from projections.builds
         where state = 'retired' and purpose = 'serve'
               and retired_at < clock_timestamp() - $1 * interval '1 s'
            or purpose = 'verify'
         order by created_at
         limit $2",
    )
    .bind(kept.as_secs_f64())
    .bind(DROPS_MAX)
    .fetch_all(pool)
    .await?;
    for build in stale {
        let mut connection = pool.acquire().await?;
        drop_unless_used(&mut connection, &build.key, &build.schema).await?;
    }
    Ok(())
}

/// Drops one build, unless the program that compares it holds its lock.
pub(super) async fn drop_unless_used(
    connection: &mut PgConnection,
    key: &BuildKey,
    schema: &str,
) -> Result<(), sqlx::Error> {
    let mut tx = connection.begin().await?;
    let free: bool = sqlx::query_scalar(
        "select pg_try_advisory_xact_lock(hashtextextended($1, 0))
                and set_config('lock_timeout', $2, true) is not null",
    )
    .bind(schema)
    .bind(DROP_LOCK_WAIT)
    .fetch_one(&mut *tx)
    .await?;
    if free {
        drop_build(&mut tx, key, schema).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn drop_build(
    tx: &mut PgConnection,
    key: &BuildKey,
    schema: &str,
) -> Result<(), sqlx::Error> {
    let drop = format!("drop schema if exists {} cascade", quoted(schema));
    tx.execute(drop.as_str()).await?;
    sqlx::query(
        "with gone as (delete from projections.parked
                       where name = $1 and version = $2 and build = $3)
         delete from projections.builds where name = $1 and version = $2 and build = $3",
    )
    .bind(&key.name)
    .bind(key.version)
    .bind(key.build)
    .execute(tx)
    .await?;
    Ok(())
}
