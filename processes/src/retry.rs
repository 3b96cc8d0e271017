//! How often, and when, something that people can see failing is tried again.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

pub(crate) const ATTEMPTS_MAX: u32 = 5;
/// Before the second attempt; it doubles with each.
const RETRY_FIRST: TimeDelta = TimeDelta::seconds(1);

/// After the given attempt, from 1, has failed: 1, 2, 4, 8 s.
pub(crate) fn pause_after(attempt: u32) -> TimeDelta {
    RETRY_FIRST * (1 << (attempt.clamp(1, ATTEMPTS_MAX) - 1))
}

/// A restarted program waits for what is left.
pub(crate) async fn wait_until(time: Option<DateTime<Utc>>) {
    let left = time.map(|time| (time - Utc::now()).to_std().unwrap_or(Duration::ZERO));
    tokio::time::sleep(left.unwrap_or_default()).await;
}
