//! Keeps calls from a server that has failed too often: nobody waits for it in vain, and it has
//! time to recover.
//!
//! It opens after some failures within a while, whatever succeeds between them, and lets one call
//! through now and then; the first that succeeds closes it. Written here because the crates for it
//! (failsafe, recloser, tower-resilience) count rates or rows of failures, and none can be told the
//! time.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const FAILURES_MAX: usize = 5;
const FAILURES_WITHIN: Duration = Duration::from_secs(30);
const TRY_EVERY: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Breaker {
    /// What it guards: the label of its gauge.
    name: &'static str,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// With the failures there were lately.
    Closed(VecDeque<Instant>),
    /// Until one call may be tried. A trial that never ends only puts off the next one.
    Open { until: Instant },
}

impl Breaker {
    pub(crate) fn new(name: &'static str) -> Self {
        let breaker = Self { name, state: Mutex::new(State::Closed(VecDeque::new())) };
        breaker.show(false);
        breaker
    }

    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether a call that was made now would be let through.
    pub(super) fn lets_through(&self, now: Instant) -> bool {
        self.keeps_back_for(now).is_zero()
    }

    /// How long no call will be let through.
    pub(crate) fn keeps_back_for(&self, now: Instant) -> Duration {
        match *self.state() {
            State::Closed(_) => Duration::ZERO,
            State::Open { until } => until.saturating_duration_since(now),
        }
    }

    /// Lets a call through, or not. Of those made while it is open, one in a while.
    pub(crate) fn admit(&self, now: Instant) -> bool {
        match &mut *self.state() {
            State::Closed(_) => true,
            State::Open { until } if now < *until => false,
            State::Open { until } => {
                *until = now + TRY_EVERY;
                true
            }
        }
    }

    pub(crate) fn succeeded(&self) {
        let mut state = self.state();
        if let State::Open { .. } = *state {
            *state = State::Closed(VecDeque::new());
            self.show(false);
            tracing::info!(breaker = self.name, "{} answers again", self.name);
        }
    }

    pub(crate) fn failed(&self, now: Instant) {
        let mut state = self.state();
        let failures = match &mut *state {
            State::Open { until } => {
                *until = now + TRY_EVERY;
                return;
            }
            State::Closed(failures) => failures,
        };
        failures.push_back(now);
        failures.retain(|failure| now.saturating_duration_since(*failure) < FAILURES_WITHIN);
        if failures.len() >= FAILURES_MAX {
            *state = State::Open { until: now + TRY_EVERY };
            self.show(true);
            tracing::error!(breaker = self.name, "{} is not called for a while", self.name);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, open: bool) {
        metrics::gauge!("daybook_breaker_open", "name" => self.name).set(f64::from(u8::from(open)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn opened_at(now: Instant) -> Breaker {
        let breaker = Breaker::new("test");
        (0..5).for_each(|_| breaker.failed(now));
        breaker
    }

    #[test]
    fn it_opens_at_the_fifth_failure_in_thirty_seconds() {
        let (breaker, begin) = (Breaker::new("test"), Instant::now());
        for second in [0, 7, 14, 21] {
            breaker.failed(begin + second * SECOND);
            breaker.succeeded();
            assert!(breaker.admit(begin + second * SECOND));
        }
        breaker.failed(begin + 29 * SECOND);
        assert!(!breaker.admit(begin + 29 * SECOND) && !breaker.lets_through(begin + 29 * SECOND));
    }

    #[test]
    fn failures_far_between_do_not_open_it() {
        let (breaker, begin) = (Breaker::new("test"), Instant::now());
        for number in 0..20 {
            breaker.failed(begin + number * 8 * SECOND);
            assert!(breaker.admit(begin + number * 8 * SECOND));
        }
    }

    #[test]
    fn one_call_is_tried_after_thirty_seconds_and_its_success_closes_it() {
        let begin = Instant::now();
        let breaker = opened_at(begin);
        assert!(!breaker.admit(begin + 29 * SECOND));
        assert_eq!(breaker.keeps_back_for(begin + 29 * SECOND), SECOND);
        let later = begin + 30 * SECOND;
        assert!(breaker.lets_through(later) && breaker.admit(later));
        assert!(!breaker.admit(later), "the others wait for what becomes of the one");
        breaker.succeeded();
        assert!(breaker.admit(later) && breaker.admit(later));
    }

    #[test]
    fn a_trial_that_fails_or_never_ends_is_followed_by_another() {
        let begin = Instant::now();
        let breaker = opened_at(begin);
        assert!(breaker.admit(begin + 30 * SECOND));
        breaker.failed(begin + 35 * SECOND);
        assert!(!breaker.admit(begin + 64 * SECOND));
        assert!(breaker.admit(begin + 65 * SECOND));
        assert!(!breaker.admit(begin + 94 * SECOND));
        assert!(breaker.admit(begin + 95 * SECOND));
    }
}
