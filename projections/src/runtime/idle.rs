//! Projections that found nothing in a batch move their checkpoints together, in one statement.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use eventstore::{ANSWER_MAX, in_time};
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::build::{Build, BuildKey};
use super::checkpoint::Mark;

/// The first idle projection waits this long for the others that saw the same batch.
const COMPANY_WAIT: Duration = Duration::from_millis(5);

/// The last move of each idle build; a newer one of the same build takes the place of the older.
#[derive(Debug, Default)]
pub(super) struct IdleMoves {
    last: Mutex<HashMap<BuildKey, Noted>>,
    noted: Notify,
}

#[derive(Debug)]
struct Noted {
    step: IdleMove,
    /// It has not been written since it was noted or found missing.
    waits: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct IdleMove {
    pub token: i64,
    /// The stored checkpoint is here or further.
    pub from: i64,
    pub to: Mark,
}

impl IdleMoves {
    pub fn note(&self, key: &BuildKey, step: IdleMove) {
        self.lock().insert(key.clone(), Noted { step, waits: true });
        self.noted.notify_one();
    }

    /// Whatever was written and is not stored is written again: a statement may have met a broken
    /// connection, and a crash of the database takes back what it had not flushed.
    pub fn compare(&self, stored: &[Build]) {
        let mut last = self.lock();
        for build in stored {
            if let Some(noted) = last.get_mut(&build.key)
                && build.position < noted.step.to.position
            {
                noted.waits = true;
                self.noted.notify_one();
            }
        }
    }

    /// For a build that is about to move by itself. A statement already under way does no harm: it
    /// only moves within the range that the build's own compare-and-set allows.
    pub fn forget(&self, key: &BuildKey) {
        self.lock().remove(key);
    }

    fn take(&self) -> Vec<(BuildKey, IdleMove)> {
        let mut last = self.lock();
        let waiting = last.iter_mut().filter(|(_, noted)| noted.waits);
        waiting
            .map(|(key, noted)| {
                noted.waits = false;
                (key.clone(), noted.step)
            })
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<BuildKey, Noted>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Moves what waits, at most every `idle_interval`, until `shutdown`.
pub(super) async fn move_together(shared: &Shared, shutdown: &CancellationToken) {
    let mut last = Instant::now() - shared.options.idle_interval;
    while shutdown.run_until_cancelled(shared.idle.noted.notified()).await.is_some() {
        let due = (last + shared.options.idle_interval).max(Instant::now() + COMPANY_WAIT);
        tokio::time::sleep_until(due).await;
        move_now(shared).await;
        last = Instant::now();
    }
    move_now(shared).await;
}

async fn move_now(shared: &Shared) {
    let moves = shared.idle.take();
    if moves.is_empty() {
        return;
    }
    // The worker compares what is stored and has it written again.
    if let Err(error) = in_time(ANSWER_MAX, write(&shared.pool, &moves)).await {
        tracing::warn!(error = %error, "cannot move idle checkpoints");
    }
}

/// Whoever holds a row moves it further by itself, and nobody else waits for that.
async fn write(pool: &PgPool, moves: &[(BuildKey, IdleMove)]) -> Result<(), sqlx::Error> {
    let names: Vec<&str> = moves.iter().map(|(key, _)| key.name.as_str()).collect();
    let versions: Vec<i32> = moves.iter().map(|(key, _)| key.version).collect();
    let builds: Vec<i32> = moves.iter().map(|(key, _)| key.build).collect();
    let tokens: Vec<i64> = moves.iter().map(|(_, step)| step.token).collect();
    let from: Vec<i64> = moves.iter().map(|(_, step)| step.from).collect();
    let to: Vec<i64> = moves.iter().map(|(_, step)| step.to.position).collect();
    let leaves: Vec<Option<Vec<u8>>> =
        moves.iter().map(|(_, step)| step.to.leaf.map(Vec::from)).collect();
    sqlx::query(
        "with quick as (select set_config('synchronous_commit', 'off', true)),
              step as materialized (
                  select step.*
                  from projections.builds build
                  join unnest($1::text[], $2::int[], $3::int[], $4::bigint[], $5::bigint[],
                              $6::bigint[], $7::bytea[])
                       as step (name, version, build, token, from_position, to_position, leaf)
                       using (name, version, build)
                  where build.token = step.token
                    and build.position >= step.from_position
                    and build.position < step.to_position
                    and not build.diverged and build.state <> 'retired'
                  for update of build skip locked)
         update projections.builds build
         set position = step.to_position, leaf = coalesce(step.leaf, build.leaf),
             moved_at = clock_timestamp(), retries = 0, error = null
         from quick, step
         where (build.name, build.version, build.build) = (step.name, step.version, step.build)",
    )
    .bind(names)
    .bind(versions)
    .bind(builds)
    .bind(tokens)
    .bind(from)
    .bind(to)
    .bind(leaves)
    .execute(pool)
    .await?;
    Ok(())
}
