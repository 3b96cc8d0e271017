//! How often, and when, something that people can see failing is tried again.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// How often a call is made before it is given up, and how far apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retries {
    attempts_max: u32,
    /// Before the second attempt; it doubles with each.
    first: TimeDelta,
}

pub(crate) const RETRIES: Retries = Retries { attempts_max: 5, first: TimeDelta::seconds(1) };

impl Retries {
    /// How long to wait after an attempt that failed, counted from 1; none: it was the last one.
    pub(crate) fn pause_after(self, attempt: u32) -> Option<TimeDelta> {
        let doublings = attempt.saturating_sub(1);
        (attempt < self.attempts_max).then(|| self.first * (1 << doublings))
    }
}

/// A restarted program waits for what is left.
pub(crate) async fn wait_until(time: Option<DateTime<Utc>>) {
    let left = time.map(|time| (time - Utc::now()).to_std().unwrap_or(Duration::ZERO));
    tokio::time::sleep(left.unwrap_or_default()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_five_attempts_one_two_four_and_eight_seconds_apart() {
        let pauses: Vec<_> = (1..=5).map(|attempt| RETRIES.pause_after(attempt)).collect();
        let seconds = |seconds| Some(TimeDelta::seconds(seconds));
        assert_eq!(pauses, [seconds(1), seconds(2), seconds(4), seconds(8), None]);
    }
}
