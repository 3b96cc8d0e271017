//! Checkpoints: the last position scanned, moved by compare-and-set under the lease's token.

use sqlx::PgConnection;

use super::build::BuildKey;

/// A place in the log and the leaf of the event there, by which a restored database shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub position: i64,
    pub leaf: Option<[u8; 32]>,
}

/// One move of a checkpoint. The stored position is one of `from..=scanned`: in between lie only
/// events that are none of the projection's, and the idle mover may or may not have been there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move {
    pub token: i64,
    pub from: i64,
    pub scanned: i64,
    pub to: Mark,
    /// Positions per second, while behind.
    pub rate: f64,
}

/// The first statement of every batch: moves the checkpoint, points `search_path` at the build and
/// says whether that was ours to do. The rows can be made again from the log, so the commit does
/// not wait for the disk.
///
/// A build's tables grow from nothing to millions of rows under plans that are made once. Plans that
/// read a table from end to end look good for a batch of thousands, and for an empty table; only
/// those that go by the keys of the batch stay good.
pub(super) async fn advance(
    tx: &mut PgConnection,
    key: &BuildKey,
    schema: &str,
    step: Move,
) -> Result<bool, sqlx::Error> {
    let moved: i64 = sqlx::query_scalar(
        "with moved as (
             update projections.builds
             set position = $6, leaf = coalesce($7, leaf), rate = $8, moved_at = clock_timestamp(),
                 retries = 0, error = null
             where name = $1 and version = $2 and build = $3 and token = $4
               and position between $5 and $9 and not diverged and state <> 'retired'
             returning 1)
         select count(*) from moved,
             (select set_config('search_path', $10, true),
                     set_config('synchronous_commit', 'off', true),
                     set_config('plan_cache_mode', 'force_generic_plan', true),
                     set_config('enable_seqscan', 'off', true),
                     set_config('enable_mergejoin', 'off', true),
                     set_config('jit', 'off', true)) as settings",
    )
    .bind(&key.name)
    .bind(key.version)
    .bind(key.build)
    .bind(step.token)
    .bind(step.from)
    .bind(step.to.position)
    .bind(step.to.leaf.map(Vec::from))
    .bind(step.rate)
    .bind(step.scanned)
    .bind(super::build::quoted(schema))
    .fetch_one(tx)
    .await?;
    Ok(moved == 1)
}
