//! A client that froze in the middle of its append keeps the lock and stops every writer.

use std::time::Duration;

use sqlx::PgConnection;

/// How long a holder may wait for its own client.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Ends sessions that hold the append lock while waiting for their client (ClientRead) for longer
/// than [`PATIENCE`]. `statement_timeout` does not reach them: the function has returned, only the
/// client's Sync never came.
pub(super) async fn remove_stuck_holder(connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let removed = sqlx::query(
        "select pg_terminate_backend(holder.pid)
         from pg_locks held
         join pg_stat_activity holder on holder.pid = held.pid
         where held.locktype = 'advisory' and held.granted and held.objsubid = 1
           and held.classid::bigint << 32 | held.objid::bigint = 7236837427
           and held.database = (select oid from pg_database where datname = current_database())
           and holder.wait_event = 'ClientRead'
           and greatest(holder.state_change, holder.query_start)
               < clock_timestamp() - make_interval(secs => $1)",
    )
    .bind(PATIENCE.as_secs_f64())
    .execute(connection)
    .await?
    .rows_affected();
    Ok(removed)
}
