//! Waiting longer after each failure, up to a limit.

use std::time::Duration;

/// Doubles from `first` to `most`; each wait is drawn from its upper half, so that two programs
/// that failed together do not try again together.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first }
    }

    pub(crate) const fn reset(&mut self) {
        self.next = self.first;
    }

    /// Whether nothing failed since the last success.
    pub(crate) fn is_fresh(&self) -> bool {
        self.next == self.first
    }

    /// How long to wait now.
    pub(crate) fn delay(&mut self) -> Duration {
        let delay = self.next;
        self.next = self.most.min(delay * 2);
        delay.mul_f64(rand::random_range(0.5..=1.0))
    }
}
