//! A log as a business of some size has it, made from a seed: valid events of every slice, most of
//! them ratings, each in its place with its leaf in the hash chain.
//!
//! It is copied in rather than appended, since it is what a benchmark needs before it begins.

mod business;

use indicatif::{ProgressBar, ProgressStyle};
use sqlx::{Acquire, Executor, PgPool};
use tokio::sync::mpsc;

use business::Business;
use eventstore::RecordedEvent;

/// Commits made ready while one is written.
const COMMITS_AHEAD_MAX: usize = 2;

/// Fills an empty, migrated log with at least this many events.
pub async fn write(pool: &PgPool, events: i64) -> anyhow::Result<()> {
    let (sender, mut commits) = mpsc::channel::<Vec<RecordedEvent>>(COMMITS_AHEAD_MAX);
    let making = tokio::task::spawn_blocking(move || {
        let mut business = Business::new(sender);
        business.open(events)?;
        while business.position < events {
            business.go_on()?;
        }
        business.commit()
    });
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} events of history, {eta} left")?;
    let bar = ProgressBar::new(events.unsigned_abs()).with_style(style);
    let mut hash = vec![0; 32];
    while let Some(commit) = commits.recv().await {
        hash = copy_in(pool, &commit, hash).await?;
        bar.set_position(commit.last().map_or(0, |event| event.position.unsigned_abs()));
    }
    making.await??;
    bar.finish_and_clear();
    // As autovacuum leaves a log of this age: hint bits set, statistics known.
    pool.execute("vacuum analyze eventstore.events").await?;
    Ok(())
}

/// Writes one commit and gives its hash.
async fn copy_in(
    pool: &PgPool,
    commit: &[RecordedEvent],
    previous: Vec<u8>,
) -> anyhow::Result<Vec<u8>> {
    let (Some(first), Some(last)) = (commit.first(), commit.last()) else {
        return Ok(previous);
    };
    let mut text = String::new();
    let mut chained = previous;
    for event in commit {
        chained.extend(event.leaf());
        let number = |number: i64| number.to_string();
        let columns = [
            &event.stream.aggregate_type,
            &event.stream.aggregate_id,
            &number(event.sequence),
            &event.event_type,
            &event.event_version,
            &event.payload,
            &event.metadata,
            &number(event.position),
            &event.recorded_at.to_rfc3339(),
        ];
        for (number, column) in columns.into_iter().enumerate() {
            text.push_str(if number > 0 { "\t" } else { "" });
            // JSON text has no raw tabs and line breaks, only backslashes.
            text.push_str(&column.replace('\\', "\\\\"));
        }
        text.push('\n');
    }
    let mut connection = pool.acquire().await?;
    let mut tx = connection.begin().await?;
    let mut copy = tx
        .copy_in_raw(
            "copy eventstore.events (aggregate_type, aggregate_id, sequence, event_type,
                 event_version, payload, metadata, position, recorded_at) from stdin",
        )
        .await?;
    copy.send(text.as_bytes()).await?;
    copy.finish().await?;
    let hash = sqlx::query_scalar(
        "insert into eventstore.commits (last_position, first_position, hash, recorded_at)
         values ($1, $2, sha256($3), $4)
         returning hash",
    )
    .bind(last.position)
    .bind(first.position)
    .bind(chained)
    .bind(last.recorded_at)
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(hash)
}
