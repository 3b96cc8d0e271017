//! Events set aside. The culprit is parked with its error; later events of its stream queue up
//! behind it, since they may build on it; everything else goes on.

use std::collections::HashSet;
use std::time::Duration;

use eventstore::{ANSWER_MAX, RecordedEvent, StreamId, in_time};
use sqlx::{FromRow, PgConnection, PgPool};

use super::TRANSACTION_MAX;
use super::build::BuildKey;
use super::checkpoint::Mark;
use super::drive::{Backoff, Drive};
use super::failure::{self, Remedy, Stop};
use crate::ProjectionError;

/// More parked events than this are no accident: the projection waits for its repair instead.
const PARKED_MAX: i64 = 1_000;
/// Attempts made unasked; after them somebody must look.
const ATTEMPTS_MAX: i32 = 5;
/// Parked events of one stream looked up at once.
const QUEUE_MAX: usize = 1_000;

/// So many events are parked that parking one more would only hide what is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{PARKED_MAX} events are parked; the last one failed with: {last}")]
pub(super) struct TooManyParked {
    last: String,
}

#[derive(Debug, Clone, FromRow)]
struct Parked {
    id: i64,
    position: i64,
    #[sqlx(flatten)]
    stream: StreamId,
    failed: bool,
    attempts: i32,
    due: bool,
}

impl Drive {
    /// Sets an event aside and moves the checkpoint past it.
    pub(super) async fn park(
        &mut self,
        event: &RecordedEvent,
        end: Mark,
        error: &ProjectionError,
    ) -> Result<Result<(), TooManyParked>, Stop> {
        let mut backoff = Backoff::default();
        let parked = loop {
            match self.park_once(event, end, error).await {
                Ok(parked) => break parked,
                Err(error) => self.wait_out(&error, &mut backoff).await?,
            }
        };
        match parked {
            ParkedHow::Fenced => Err(Stop::Fenced),
            ParkedHow::Full => Ok(Err(TooManyParked { last: error.to_string() })),
            ParkedHow::Aside => {
                tracing::error!(
                    projection.name = self.build.key.name,
                    event.position = event.position,
                    event.stream = %event.stream,
                    error = %error,
                    "{} parked event {} of {}", self.build.key, event.position, event.stream,
                );
                self.parked.insert(event.stream.clone());
                self.remember(end);
                self.commit_at(end.position);
                Ok(Ok(()))
            }
        }
    }

    async fn park_once(
        &self,
        event: &RecordedEvent,
        end: Mark,
        error: &ProjectionError,
    ) -> Result<ParkedHow, sqlx::Error> {
        self.shared.idle.forget(&self.build.key);
        in_time(TRANSACTION_MAX, self.park_in_transaction(event, end, error)).await
    }

    async fn park_in_transaction(
        &self,
        event: &RecordedEvent,
        end: Mark,
        error: &ProjectionError,
    ) -> Result<ParkedHow, sqlx::Error> {
        let mut tx = self.shared.pool.begin().await?;
        if !self.advance(&mut tx, end).await? {
            return Ok(ParkedHow::Fenced);
        }
        let key = &self.build.key;
        let parked = sqlx::query(
            "insert into projections.parked (name, version, build, position, aggregate_type,
                 aggregate_id, event_type, error, attempts, due_at)
             select $1, $2, $3, $4, $5, $6, $7, $8, 1, clock_timestamp() + $9 * interval '1 s'
             where (select count(*) from projections.parked
                    where name = $1 and version = $2 and build = $3) < $10",
        )
        .bind(&key.name)
        .bind(key.version)
        .bind(key.build)
        .bind(event.position)
        .bind(&event.stream.aggregate_type)
        .bind(&event.stream.aggregate_id)
        .bind(&event.event_type)
        .bind(printable(error))
        .bind(wait_after(1, self.shared.options.parked_wait).map(|wait| wait.as_secs_f64()))
        .bind(PARKED_MAX)
        .execute(&mut *tx)
        .await?;
        if parked.rows_affected() == 0 {
            return Ok(ParkedHow::Full);
        }
        tx.commit().await?;
        Ok(ParkedHow::Aside)
    }
}

enum ParkedHow {
    Aside,
    Full,
    Fenced,
}

/// Parks events that wait behind an earlier one of their stream.
pub(super) async fn queue(
    tx: &mut PgConnection,
    key: &BuildKey,
    events: &[&RecordedEvent],
) -> Result<(), sqlx::Error> {
    let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
    let types: Vec<&str> = events.iter().map(|event| &*event.stream.aggregate_type).collect();
    let ids: Vec<&str> = events.iter().map(|event| &*event.stream.aggregate_id).collect();
    let event_types: Vec<&str> = events.iter().map(|event| &*event.event_type).collect();
    sqlx::query(
        "insert into projections.parked
             (name, version, build, position, aggregate_type, aggregate_id, event_type)
         select $1, $2, $3, * from unnest($4::bigint[], $5::text[], $6::text[], $7::text[])",
    )
    .bind(&key.name)
    .bind(key.version)
    .bind(key.build)
    .bind(positions)
    .bind(types)
    .bind(ids)
    .bind(event_types)
    .execute(tx)
    .await?;
    Ok(())
}

/// Tries what is due, lets go what was discarded, and learns anew what is parked. False if the
/// build is no longer ours.
pub(super) async fn tend(drive: &mut Drive) -> Result<bool, sqlx::Error> {
    drive.discarded = discarded(&drive.shared.pool, &drive.build.key.name).await?;
    let key = drive.build.key.clone();
    release_discarded(&drive.shared.pool, &key).await?;
    for head in heads(&drive.shared.pool, &key).await? {
        if (head.due || !head.failed) && !retry_stream(drive, &head.stream).await? {
            return Ok(false);
        }
    }
    let heads = heads(&drive.shared.pool, &key).await?;
    drive.parked = heads.into_iter().map(|head| head.stream).collect();
    Ok(true)
}

async fn discarded(pool: &PgPool, name: &str) -> Result<HashSet<i64>, sqlx::Error> {
    let positions = sqlx::query_scalar("select position from projections.discards where name = $1")
        .bind(name)
        .fetch_all(pool);
    let positions: Vec<i64> = in_time(ANSWER_MAX, positions).await?;
    Ok(positions.into_iter().collect())
}

async fn release_discarded(pool: &PgPool, key: &BuildKey) -> Result<(), sqlx::Error> {
    let released = sqlx::query(
        "delete from projections.parked
         where name = $1 and version = $2 and build = $3
           and (discarded or position in (select position from projections.discards
                                          where name = $1))",
    )
    .bind(&key.name)
    .bind(key.version)
    .bind(key.build)
    .execute(pool);
    in_time(ANSWER_MAX, released).await.map(drop)
}

/// The first parked event of each stream.
async fn heads(pool: &PgPool, key: &BuildKey) -> Result<Vec<Parked>, sqlx::Error> {
    let heads = sqlx::query_as(
        "select distinct on (aggregate_type, aggregate_id)
                id, position, aggregate_type, aggregate_id, error is not null as failed, attempts,
                coalesce(due_at <= clock_timestamp(), false) as due
         from projections.parked
         where name = $1 and version = $2 and build = $3
         order by aggregate_type, aggregate_id, position",
    )
    .bind(&key.name)
    .bind(key.version)
    .bind(key.build)
    .fetch_all(pool);
    in_time(ANSWER_MAX, heads).await
}

/// Applies a stream's parked events in order until one fails again. False if the build is no
/// longer ours.
async fn retry_stream(drive: &mut Drive, stream: &StreamId) -> Result<bool, sqlx::Error> {
    loop {
        let queued = queued(drive, stream).await?;
        let all = queued.len() < QUEUE_MAX;
        match retry_queued(drive, queued).await? {
            Retried::All if !all => {}
            Retried::All | Retried::Failed => return Ok(true),
            Retried::Fenced => return Ok(false),
        }
    }
}

/// How far a part of a stream's parked events got.
enum Retried {
    All,
    Failed,
    Fenced,
}

async fn retry_queued(drive: &mut Drive, queued: Vec<Parked>) -> Result<Retried, sqlx::Error> {
    for parked in queued {
        let position = parked.position;
        let events = drive.shared.reader.range(position - 1, position, 1).await?;
        let Some(event) = events.first() else {
            continue;
        };
        let error = match retry_event(drive, event, &parked).await {
            Ok(true) => continue,
            Ok(false) => return Ok(Retried::Fenced),
            Err(ProjectionError::Database(error))
                if failure::remedy_of_database(&error) == Remedy::Wait =>
            {
                return Err(error);
            }
            Err(error) => error,
        };
        let attempts = parked.attempts + 1;
        let kept = sqlx::query(
            "update projections.parked
             set attempts = $2, error = $3, due_at = clock_timestamp() + $4 * interval '1 s'
             where id = $1",
        )
        .bind(parked.id)
        .bind(attempts)
        .bind(printable(&error))
        .bind(wait_after(attempts, drive.shared.options.parked_wait).map(|wait| wait.as_secs_f64()))
        .execute(&drive.shared.pool);
        in_time(ANSWER_MAX, kept).await?;
        return Ok(Retried::Failed);
    }
    Ok(Retried::All)
}

async fn queued(drive: &Drive, stream: &StreamId) -> Result<Vec<Parked>, sqlx::Error> {
    let key = &drive.build.key;
    let queued = sqlx::query_as(
        "select id, position, aggregate_type, aggregate_id, error is not null as failed, attempts,
                true as due
         from projections.parked
         where name = $1 and version = $2 and build = $3
           and aggregate_type = $4 and aggregate_id = $5 and not discarded
         order by position
         limit $6",
    )
    .bind(&key.name)
    .bind(key.version)
    .bind(key.build)
    .bind(&stream.aggregate_type)
    .bind(&stream.aggregate_id)
    .bind(QUEUE_MAX as i64)
    .fetch_all(&drive.shared.pool);
    in_time(ANSWER_MAX, queued).await
}

/// Applies one event late: the checkpoint stays, the row goes.
async fn retry_event(
    drive: &mut Drive,
    event: &RecordedEvent,
    parked: &Parked,
) -> Result<bool, ProjectionError> {
    drive.shared.idle.forget(&drive.build.key);
    let here = drive.here();
    let applied = in_time(TRANSACTION_MAX, async {
        let mut tx = drive.shared.pool.begin().await?;
        if !drive.advance(&mut tx, here).await? {
            return Ok(false);
        }
        drive.guarded(&[event], &mut tx).await?;
        sqlx::query("delete from projections.parked where id = $1")
            .bind(parked.id)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok::<_, ProjectionError>(true)
    })
    .await?;
    if applied {
        drive.commit_at(drive.scanned);
    }
    Ok(applied)
}

/// Text columns refuse U+0000, which an error message may quote.
fn printable(error: &ProjectionError) -> String {
    error.to_string().replace('\0', "\u{fffd}")
}

/// Six times longer with each attempt; none when it is somebody else's turn.
fn wait_after(attempts: i32, first: Duration) -> Option<Duration> {
    if attempts >= ATTEMPTS_MAX {
        return None;
    }
    Some(first * 6_u32.pow(u32::try_from(attempts - 1).unwrap_or(0)))
}
