//! Following the log: every event after a position, once, in order, from whichever side is faster.
//!
//! A subscription reads the log in large pages until it is near the end, then follows the stream,
//! whose sequence is the log's position. The stream is only ever a hint:
//!
//! - a sequence below the next position is dropped, the next one is delivered, and before one above
//!   it the log is read;
//! - after half a second without an event, and after every reset, the log is asked for more, since
//!   a lost *last* message shows in no other way; each time it is also asked whether it still holds
//!   the last event that was delivered;
//! - a message that is not whole, and the first one after every reset that is not in the log, are
//!   not believed;
//! - without a bus, or while NATS is away, the log is read as it grows.

mod feed;
mod follow;
mod following;
mod history;
mod outbox;
mod worker;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::bus::Bus;
use crate::{Reader, RecordedEvent};
pub use feed::{Feed, FeedItem};
pub use following::Following;
pub(crate) use history::{Place, page_after};
use worker::Worker;

/// Consecutive events, shared by everybody in this process who wants them.
pub type Batch = Arc<Vec<RecordedEvent>>;

/// Batches that wait for [`Subscription::next`] besides the one being filled.
const BATCHES_WAITING_MAX: usize = 1;

/// The log after a position, without gaps or repetitions.
///
/// A task of its own reads ahead by at most two batches; it ends when this is dropped.
#[derive(Debug)]
pub struct Subscription {
    batches: mpsc::Receiver<Batch>,
    worker: Option<AbortOnDropHandle<SubscribeError>>,
    position: i64,
    diverged: Option<i64>,
}

/// Why no more events come from a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// After a failover or a restore that lost commits. Whatever was made of these events must be
    /// made anew from the log.
    #[error("the log no longer holds what was delivered up to position {position}")]
    Diverged { position: i64 },
    /// The program is ending.
    #[error("the subscription was stopped")]
    Stopped,
}

impl Subscription {
    /// Events after `from`, the last position already known; 0 for all of them. Without a bus the
    /// log alone is read.
    pub async fn start(reader: Reader, bus: Option<Bus>, from: i64) -> Self {
        let (sender, batches) = mpsc::channel(BATCHES_WAITING_MAX);
        let worker = Worker::new(reader, bus, from, sender);
        let worker = Some(AbortOnDropHandle::new(tokio::spawn(worker.run())));
        Self { batches, worker, position: from, diverged: None }
    }

    /// The next events, as soon as there are any. Cancel-safe.
    ///
    /// Failures of the database or of NATS are waited out; the only errors are final.
    pub async fn next(&mut self) -> Result<Batch, SubscribeError> {
        if let Some(batch) = self.batches.recv().await {
            self.position = batch.last().map_or(self.position, |event| event.position);
            return Ok(batch);
        }
        if let Some(worker) = &mut self.worker {
            if let Ok(SubscribeError::Diverged { position }) = worker.await {
                self.diverged = Some(position);
            }
            self.worker = None;
        }
        Err(self
            .diverged
            .map_or(SubscribeError::Stopped, |position| SubscribeError::Diverged { position }))
    }

    /// The last position that [`Subscription::next`] has delivered.
    pub const fn position(&self) -> i64 {
        self.position
    }
}
