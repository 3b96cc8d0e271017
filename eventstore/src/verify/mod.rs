//! Is the log what it claims to be: dense, contiguous, unchanged since it was written?
//!
//! Everything is recomputed from the stored bytes, in short statements and bounded memory, so that
//! a log of any size can be verified beside its writers. What the chain cannot show, that it was
//! recomputed as a whole or cut at its end, signed checkpoints do. Layout: docs/HASHCHAIN.md.

mod chain;
mod export;
mod proof;
mod streams;

use std::collections::VecDeque;

use serde::Serialize;
use sqlx::PgPool;

pub use chain::{Break, Fault};
pub use export::{VerifyExportError, verify_export};
pub use proof::{Proof, proof};

pub(crate) use chain::GENESIS;

use crate::checkpoint::Checkpoint;
use crate::leaf::ChainHash;
use crate::read::Reader;
use chain::ChainCheck;

/// An event has up to 256 KiB, so a page has up to 64 MiB.
const PAGE_EVENTS: i64 = 256;
const PAGE_COMMITS: i64 = 1_000;

/// What to verify. A range is widened to whole commits, since a hash covers a whole commit.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// The first position.
    pub from: i64,
    /// The last position; none: the end of the log, which must then also be where it should.
    pub until: Option<i64>,
}

impl Range {
    pub const WHOLE: Self = Self { from: 1, until: None };
}

/// What was verified, and the first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    pub ok: bool,
    pub from: i64,
    /// The last position that was verified.
    pub until: i64,
    pub events: i64,
    pub commits: i64,
    /// How many signed checkpoints agreed.
    pub checkpoints: i64,
    /// How many signed checkpoints lie beyond what was verified.
    pub checkpoints_beyond: i64,
    /// The hash of the chain at `until`, in hex.
    pub hash: Option<String>,
    #[serde(rename = "break", skip_serializing_if = "Option::is_none")]
    pub broken: Option<Break>,
}

#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Commit {
    pub first_position: i64,
    pub last_position: i64,
    pub hash: Vec<u8>,
    pub recorded_at: chrono::DateTime<chrono::Utc>,
}

/// Recomputes a part of the log and compares. `checkpoints` are trusted: check their signatures
/// first. `progress` hears the last position done.
pub async fn verify(
    reader: &Reader,
    range: Range,
    checkpoints: &[Checkpoint],
    mut progress: impl FnMut(i64),
) -> Result<Verification, sqlx::Error> {
    let pool = reader.pool();
    let (head, last_event) = ends(pool).await?;
    let mut commits = VecDeque::from(commits_from(pool, range.from).await?);
    let from = commits.front().map_or(range.from, |first| first.first_position);
    let until = match range.until {
        Some(until) if until < head => end_of_commit(pool, until).await?,
        Some(_) | None => head,
    };
    let mut check = ChainCheck::new(from, Some(hash_before(pool, from).await?), checkpoints);
    while check.next_position() <= until && check.broken().is_none() {
        let page = reader.range(check.next_position() - 1, until, PAGE_EVENTS).await?;
        if page.is_empty() {
            check.expected_event_until(until);
            break;
        }
        let gap = streams::first_gap(pool, &page).await?;
        for event in &page {
            if commits.is_empty() {
                commits = commits_from(pool, event.position).await?.into();
            }
            check.event(event);
            check.contiguous(gap.clone().filter(|(position, ..)| *position == event.position));
            let Some(commit) = commits.front() else {
                check.in_no_commit(event.position);
                break;
            };
            check.within((event.position, event.recorded_at), commit);
            if event.position == commit.last_position {
                check.commit(commit);
                commits.pop_front();
            }
            if check.broken().is_some() {
                break;
            }
        }
        progress(check.next_position() - 1);
    }
    if range.until.is_none() {
        check.ends_at(head, last_event);
    }
    Ok(check.finish(from))
}

/// Where the commits end and where the events end, in one snapshot.
async fn ends(pool: &PgPool) -> Result<(i64, i64), sqlx::Error> {
    sqlx::query_as(
        "select coalesce((select max(last_position) from eventstore.commits), 0),
                coalesce((select max(position) from eventstore.events), 0)",
    )
    .fetch_one(pool)
    .await
}

/// Commits from the one that holds a position on.
pub(crate) async fn commits_from(pool: &PgPool, from: i64) -> Result<Vec<Commit>, sqlx::Error> {
    sqlx::query_as(
        "select first_position, last_position, hash, recorded_at from eventstore.commits
         where last_position >= $1 order by last_position limit $2",
    )
    .bind(from)
    .bind(PAGE_COMMITS)
    .fetch_all(pool)
    .await
}

/// The chain's hash before a position: zeros before the first.
pub(crate) async fn hash_before(pool: &PgPool, position: i64) -> Result<ChainHash, sqlx::Error> {
    let hash: Option<Vec<u8>> = sqlx::query_scalar(
        "select hash from eventstore.commits
         where last_position < $1 order by last_position desc limit 1",
    )
    .bind(position)
    .fetch_optional(pool)
    .await?;
    Ok(hash.and_then(|hash| hash.try_into().ok()).unwrap_or(GENESIS))
}

/// The last position of the commit that holds a position.
pub(crate) async fn end_of_commit(pool: &PgPool, position: i64) -> Result<i64, sqlx::Error> {
    let end: Option<i64> = sqlx::query_scalar(
        "select last_position from eventstore.commits
         where last_position >= $1 order by last_position limit 1",
    )
    .bind(position)
    .fetch_optional(pool)
    .await?;
    Ok(end.unwrap_or(position))
}
