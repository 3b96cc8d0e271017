//! Applies a batch: one transaction, or as many as it takes to find the event that will not go in.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use eventstore::{RecordedEvent, in_time};
use futures::FutureExt;
use sqlx::PgConnection;
use tokio::time::Instant;

use super::checkpoint::{self, Mark, Move};
use super::drive::{Backoff, Drive};
use super::failure::{self, Remedy, Stop};
use super::{TRANSACTION_MAX, park};
use crate::ProjectionError;

/// What one attempt led to.
enum Attempt {
    Done,
    Fenced,
    Failed(ProjectionError),
}

impl Drive {
    /// Applies what of `events` is this projection's and moves the checkpoint to `until`.
    pub(super) async fn settle(
        &mut self,
        events: &[&RecordedEvent],
        until: Mark,
    ) -> Result<(), Stop> {
        let wanted: Vec<&RecordedEvent> = events
            .iter()
            .filter(|event| self.projection.sources().contains(&&*event.stream.aggregate_type))
            .filter(|event| !self.discarded.contains(&event.position))
            .copied()
            .collect();
        if wanted.is_empty() {
            if until.position > self.scanned {
                self.idle_until(until);
            }
            return Ok(());
        }
        if let Some(newer) = wanted.iter().position(|event| failure::is_newer(event)) {
            let event = wanted[newer];
            let unknown = ProjectionError::Unknown {
                position: event.position,
                event_type: event.event_type.clone(),
                event_version: event.event_version.clone(),
            };
            return self.leave(&wanted[..newer], &unknown).await;
        }
        self.settle_wanted(&wanted, until).await
    }

    /// Halves the batch until the culprits stand alone, and parks them.
    async fn settle_wanted(&mut self, wanted: &[&RecordedEvent], until: Mark) -> Result<(), Stop> {
        let mut spans = vec![(wanted, until)];
        let mut backoff = Backoff::default();
        while let Some((span, end)) = spans.pop() {
            let error = match self.attempt(span, end).await {
                Attempt::Done => {
                    backoff = Backoff::default();
                    continue;
                }
                Attempt::Fenced => return Err(Stop::Fenced),
                Attempt::Failed(error) => error,
            };
            match failure::remedy(&error) {
                Remedy::Wait => {
                    self.wait_out(&error, &mut backoff).await?;
                    spans.push((span, end));
                }
                Remedy::LeaveFrom(position) => {
                    let known = span.iter().take_while(|event| event.position < position).count();
                    return Box::pin(self.leave(&span[..known], &error)).await;
                }
                Remedy::FindCulprit if span.len() > 1 => {
                    let (left, right) = span.split_at(span.len() / 2);
                    spans.push((right, end));
                    spans.push((left, mark_of(left[left.len() - 1])));
                }
                Remedy::FindCulprit => {
                    if let Err(full) = self.park(span[0], end, &error).await? {
                        self.wait_out(&full, &mut backoff).await?;
                        spans.push((span, end));
                    }
                }
            }
        }
        Ok(())
    }

    /// Applies what stands before an event that only a newer program knows, then stops.
    async fn leave(
        &mut self,
        known: &[&RecordedEvent],
        error: &ProjectionError,
    ) -> Result<(), Stop> {
        if let Some(last) = known.last() {
            self.settle_wanted(known, mark_of(last)).await?;
        }
        super::status::report_failure(&self.shared.pool, &self.build.key, self.token, error).await;
        Err(Stop::Unknown(error.to_string()))
    }

    async fn attempt(&mut self, span: &[&RecordedEvent], end: Mark) -> Attempt {
        match self.transaction(span, end).await {
            Ok(true) => {
                self.remember(end);
                self.commit_at(end.position);
                Attempt::Done
            }
            Ok(false) => Attempt::Fenced,
            Err(error) => Attempt::Failed(error),
        }
    }

    async fn transaction(
        &mut self,
        span: &[&RecordedEvent],
        end: Mark,
    ) -> Result<bool, ProjectionError> {
        self.shared.idle.forget(&self.build.key);
        let shared = Arc::clone(&self.shared);
        let permit = shared.transactions.acquire().await;
        let _permit = permit.expect("the semaphore is never closed");
        let begun = Instant::now();
        let done = in_time(TRANSACTION_MAX, async {
            let mut tx = self.shared.pool.begin().await?;
            if !self.advance(&mut tx, end).await? {
                return Ok(false);
            }
            self.write(&mut tx, span).await?;
            tx.commit().await?;
            Ok::<_, ProjectionError>(true)
        })
        .await;
        self.rest_after(begun.elapsed());
        done
    }

    pub(super) async fn advance(
        &self,
        tx: &mut PgConnection,
        to: Mark,
    ) -> Result<bool, sqlx::Error> {
        let step = Move {
            token: self.token,
            from: self.committed(),
            scanned: self.scanned,
            to,
            rate: self.rate,
        };
        checkpoint::advance(tx, &self.build.key, &self.build.schema, step).await
    }

    /// Applies events, except those of streams with a parked one: they wait behind it.
    pub(super) async fn write(
        &self,
        tx: &mut PgConnection,
        span: &[&RecordedEvent],
    ) -> Result<(), ProjectionError> {
        let (waiting, free): (Vec<&RecordedEvent>, Vec<&RecordedEvent>) =
            span.iter().partition(|event| self.parked.contains(&event.stream));
        if !free.is_empty() {
            self.guarded(&free, tx).await?;
        }
        if !waiting.is_empty() {
            park::queue(tx, &self.build.key, &waiting).await?;
        }
        Ok(())
    }

    /// A projection that panics must not take the worker with it.
    pub(super) async fn guarded(
        &self,
        events: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let applied = AssertUnwindSafe(self.projection.apply(events, tx)).catch_unwind().await;
        applied.unwrap_or_else(|panic| {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            Err(ProjectionError::event(events[0], format!("the projection panicked: {said}")))
        })
    }
}

fn mark_of(event: &RecordedEvent) -> Mark {
    Mark { position: event.position, leaf: Some(event.leaf()) }
}
