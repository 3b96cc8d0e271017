//! Fixes the lists of the best rated once a day (UTC), in the log.
//!
//! They count the days that are over, once the read models know all that the log knew when it was
//! asked. The command's id is the day's: whoever comes second, in whatever program and after
//! whatever crash, is answered with what the first did.

mod ranking;

use std::time::Duration;

use chrono::{DateTime, DurationRound, NaiveDate, TimeDelta, Utc};
use domain::weekly::{Command, Refusal, Weekly};
use eventstore::{Context, ExecuteError, Log, StoreError};
use tokio_util::sync::CancellationToken;

pub use ranking::bayesian_average;

/// How often it is looked whether a new day has begun.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The read models are waited for so long at a time; then it is looked again.
const CATCH_UP_MAX: Duration = Duration::from_secs(20);
const CATCH_UP_LOOK: Duration = Duration::from_millis(20);

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// The lists of this day are fixed.
    Fixed(NaiveDate),
    /// They were before.
    Known(NaiveDate),
    /// There are none, for this reason.
    Nothing(&'static str),
}

#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the lists could not be offered: {0}")]
    Offer(#[from] ExecuteError<Refusal>),
}

/// Fixes the lists of every day until shutdown. Any number of programs may.
pub async fn keep_lists(log: Log, shutdown: CancellationToken) {
    keep(log, LOOK_EVERY, Utc::now, shutdown).await;
}

/// Of every day of this clock.
pub(crate) async fn keep(
    log: Log,
    look_every: Duration,
    clock: impl Fn() -> DateTime<Utc>,
    shutdown: CancellationToken,
) {
    let mut done: Option<NaiveDate> = None;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(look_every) => {}
        }
        let now = clock();
        if done == Some(now.date_naive()) {
            continue;
        }
        let listed = tokio::select! {
            () = shutdown.cancelled() => return,
            listed = fix_lists(&log, now) => listed,
        };
        match listed {
            Ok(Listed::Fixed(day)) => {
                done = Some(day);
                tracing::info!(%day, "the lists of {day} are fixed");
            }
            Ok(Listed::Known(day)) => done = Some(day),
            Ok(Listed::Nothing(_)) => {}
            Err(error) => tracing::error!(%error, "today's lists are not fixed: {error}"),
        }
    }
}

/// Fixes the lists of the day that `now` is in, unless they are.
pub async fn fix_lists(log: &Log, now: DateTime<Utc>) -> Result<Listed, ListError> {
    let day = now.date_naive();
    if log.load::<Weekly>(day).await?.state.is_fixed() {
        return Ok(Listed::Known(day));
    }
    if !catch_up(log).await? {
        return Ok(Listed::Nothing("the read models are behind the log"));
    }
    let lists = ranking::of_day(log.pool(), day).await?;
    if lists.iter().all(|fixed| fixed.lists.is_empty()) {
        return Ok(Listed::Nothing("nothing was rated before today"));
    }
    let at = now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now);
    let context = Context::system("process:weekly-lists", format!("weekly:{day}"), at);
    let receipt = log.execute::<Weekly>(day, Command::Fix { day, lists, at }, &context).await?;
    let known = receipt.replayed || receipt.unchanged;
    Ok(if known { Listed::Known(day) } else { Listed::Fixed(day) })
}

/// Whether the read models know, in time, what the log knows now.
async fn catch_up(log: &Log) -> Result<bool, ListError> {
    let head = log.reader().head().await?;
    let waiting = async {
        while ranking::position(log.pool()).await?.is_none_or(|position| position < head) {
            tokio::time::sleep(CATCH_UP_LOOK).await;
        }
        Ok::<_, sqlx::Error>(())
    };
    match tokio::time::timeout(CATCH_UP_MAX, waiting).await {
        Ok(known) => Ok(known.map(|()| true)?),
        Err(_) => Ok(false),
    }
}
