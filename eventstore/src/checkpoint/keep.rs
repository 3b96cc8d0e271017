//! Making a checkpoint every hour, and getting it out.

use std::time::Duration;

use sqlx::{FromRow, Row};
use tokio_util::sync::CancellationToken;

use super::{Checkpoint, CheckpointKey, HttpError, Receiver};
use crate::read::Reader;
use crate::verify::{Break, Range, verify};

pub const EVERY: Duration = Duration::from_secs(60 * 60);
/// How soon an undelivered checkpoint is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(60);
const DELIVER_MAX: i64 = 100;

#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// What contradicts itself is not vouched for.
    #[error("the log does not verify, so nothing was signed: {0}")]
    Broken(Break),
    #[error("cannot write the file of checkpoints: {0}")]
    File(std::io::Error),
    #[error("the receiver of checkpoints: {0}")]
    Http(#[from] HttpError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// The checkpoints of a log: made, kept beside it for auditors to read, and delivered.
#[derive(Clone)]
pub struct Checkpoints {
    reader: Reader,
    key: CheckpointKey,
    receivers: Vec<Receiver>,
}

impl Checkpoints {
    pub fn new(reader: Reader, key: CheckpointKey, receivers: Vec<Receiver>) -> Self {
        Self { reader, key, receivers }
    }

    /// Makes and delivers checkpoints until shut down. Any number of processes may do so.
    pub async fn keep(self, shutdown: CancellationToken) {
        loop {
            let wait = match self.keep_once(EVERY).await {
                Ok(_) => EVERY / 12,
                Err(error) => {
                    tracing::error!(%error, "no checkpoint: {error}");
                    RETRY_AFTER
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Makes a checkpoint if the log grew and the last one is older than `every`, then delivers
    /// whatever has not been. Answers the one it made.
    pub async fn keep_once(&self, every: Duration) -> Result<Option<Checkpoint>, CheckpointError> {
        let made = self.make(every).await?;
        self.deliver().await?;
        Ok(made)
    }

    async fn make(&self, every: Duration) -> Result<Option<Checkpoint>, CheckpointError> {
        let pool = self.reader.pool();
        let last = latest(&self.reader).await?;
        let head: Option<(i64, chrono::DateTime<chrono::Utc>)> = sqlx::query_as(
            "select last_position, now() from eventstore.commits
             where last_position > $1
               and not exists (select from eventstore.checkpoints
                               where at > now() - $2 * interval '1 second')
             order by last_position desc limit 1",
        )
        .bind(last.as_ref().map_or(0, |last| last.position))
        .bind(every.as_secs_f64())
        .fetch_optional(pool)
        .await?;
        let Some((position, at)) = head else { return Ok(None) };
        let from = last.as_ref().map_or(1, |last| last.position);
        let since = Range { from, until: Some(position) };
        let verified = verify(&self.reader, since, last.as_slice(), |_| ()).await?;
        if let Some(broken) = verified.broken {
            return Err(CheckpointError::Broken(broken));
        }
        let checkpoint = self.key.sign(verified.until, verified.hash.unwrap_or_default(), at);
        let made = sqlx::query(
            "insert into eventstore.checkpoints (position, hash, at, key_id, public_key, signature)
             values ($1, $2, $3, $4, $5, $6) on conflict (position) do nothing",
        )
        .bind(checkpoint.position)
        .bind(&checkpoint.hash)
        .bind(checkpoint.at)
        .bind(&checkpoint.key_id)
        .bind(&checkpoint.public_key)
        .bind(&checkpoint.signature)
        .execute(pool)
        .await?;
        Ok((made.rows_affected() > 0).then_some(checkpoint))
    }

    async fn deliver(&self) -> Result<(), CheckpointError> {
        let rows = sqlx::query(
            "select position, hash, at, key_id, public_key, signature from eventstore.checkpoints
             where delivered_at is null order by position limit $1",
        )
        .bind(DELIVER_MAX)
        .fetch_all(self.reader.pool())
        .await?;
        for row in rows {
            let checkpoint = Checkpoint::from_row(&row)?;
            for receiver in &self.receivers {
                receiver.deliver(&checkpoint).await?;
            }
            sqlx::query(
                "update eventstore.checkpoints set delivered_at = now() where position = $1",
            )
            .bind(row.try_get::<i64, _>("position")?)
            .execute(self.reader.pool())
            .await?;
        }
        Ok(())
    }
}

/// The newest checkpoint.
pub(super) async fn latest(reader: &Reader) -> Result<Option<Checkpoint>, sqlx::Error> {
    Ok(newest(reader, i64::MAX, 1).await?.pop())
}

/// Up to `limit` checkpoints before a position, newest first.
pub async fn newest(
    reader: &Reader,
    before: i64,
    limit: i64,
) -> Result<Vec<Checkpoint>, sqlx::Error> {
    sqlx::query_as(
        "select position, hash, at, key_id, public_key, signature from eventstore.checkpoints
         where position < $1 order by position desc limit $2",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(reader.pool())
    .await
}
