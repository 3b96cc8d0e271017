//! How far a process got: the position up to which nothing is left to do.

use std::collections::BTreeSet;

use eventstore::Reader;
use sqlx::PgPool;

/// The stored position; the head of the log for a process that has none yet.
///
/// A restore may have lost commits the process had seen: it then goes on from the end of the log.
pub(crate) async fn load(reader: &Reader, process: &str) -> Result<i64, sqlx::Error> {
    let head = reader.head().await?;
    let stored: i64 = sqlx::query_scalar(
        "insert into processes.checkpoints as stored (name, position) values ($1, $2)
         on conflict (name) do update set position = least(stored.position, excluded.position)
         returning position",
    )
    .bind(process)
    .bind(head)
    .fetch_one(reader.pool())
    .await?;
    Ok(stored)
}

pub(crate) async fn save(pool: &PgPool, process: &str, position: i64) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update processes.checkpoints set position = $2, updated_at = clock_timestamp()
         where name = $1 and position < $2",
    )
    .bind(process)
    .bind(position)
    .execute(pool)
    .await?;
    Ok(())
}

/// Which events are being reacted to, and thereby which prefix of the log is finished.
#[derive(Debug)]
pub(crate) struct Progress {
    scanned: i64,
    unfinished: BTreeSet<i64>,
}

impl Progress {
    pub(crate) const fn new(position: i64) -> Self {
        Self { scanned: position, unfinished: BTreeSet::new() }
    }

    /// There is something to do about this event.
    pub(crate) fn begin(&mut self, position: i64) {
        self.unfinished.insert(position);
    }

    pub(crate) fn finish(&mut self, position: i64) {
        self.unfinished.remove(&position);
    }

    /// Everything up to here has been looked at.
    pub(crate) fn scanned(&mut self, position: i64) {
        self.scanned = self.scanned.max(position);
    }

    /// The last position with nothing left to do at or before it.
    pub(crate) fn finished(&self) -> i64 {
        self.unfinished.first().map_or(self.scanned, |first| first - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkpoint_is_the_finished_prefix() {
        let mut progress = Progress::new(10);
        assert_eq!(progress.finished(), 10);
        progress.begin(12);
        progress.begin(15);
        progress.scanned(20);
        assert_eq!(progress.finished(), 11);
        progress.finish(15);
        assert_eq!(progress.finished(), 11);
        progress.finish(12);
        assert_eq!(progress.finished(), 20);
    }
}
