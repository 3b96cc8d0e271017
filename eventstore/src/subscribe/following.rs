//! One follower of the feed: the log in pages until it meets the feed, then the feed's batches.

use std::sync::Arc;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Duration;

use super::feed::{Feed, FeedItem};
use super::{Batch, Place, SubscribeError, page_after};
use crate::bus::Backoff;
use crate::{Reader, RecordedEvent};

/// Events of a page: as few as that even the largest fit in memory together.
const PAGE_MAX: usize = 64;
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MOST: Duration = Duration::from_secs(3);

/// The log after a position, without gaps or repetitions, shared with others of this process.
#[derive(Debug)]
pub struct Following {
    /// Keeps it going.
    _feed: Feed,
    batches: broadcast::Receiver<FeedItem>,
    reader: Reader,
    last: Place,
    /// The log may hold more than what the feed will bring, or be another one.
    must_read: bool,
    diverged: bool,
}

impl Following {
    pub(super) fn new(feed: Feed, reader: Reader, from: i64) -> Self {
        // Listening begins before anything is read.
        let batches = feed.listen();
        let last = Place { position: from, leaf: None };
        Self { _feed: feed, batches, reader, last, must_read: true, diverged: false }
    }

    /// The next events, as soon as there are any. Cancel-safe.
    ///
    /// Failures of the database or of NATS are waited out; the only errors are final.
    pub async fn next(&mut self) -> Result<Batch, SubscribeError> {
        let mut backoff = Backoff::new(BACKOFF_FIRST, BACKOFF_MOST);
        while !self.diverged {
            if !self.must_read {
                match self.batches.recv().await {
                    Ok(FeedItem::Batch(batch)) => match self.place_of(&batch) {
                        Where::Known => {}
                        Where::Next => return Ok(self.deliver(batch)),
                        Where::Elsewhere => self.must_read = true,
                    },
                    Ok(FeedItem::Restarted) | Err(RecvError::Lagged(_)) => self.must_read = true,
                    Err(RecvError::Closed) => return Err(SubscribeError::Stopped),
                }
                continue;
            }
            match page_after(&self.reader, self.last, i64::MAX, PAGE_MAX).await {
                Ok(Some(page)) => {
                    self.must_read = page.len() == PAGE_MAX;
                    if !page.is_empty() {
                        return Ok(self.deliver(Arc::new(page)));
                    }
                }
                Ok(None) => self.diverged = true,
                Err(error) => {
                    tracing::warn!("a follower waits for the log: {error}");
                    tokio::time::sleep(backoff.delay()).await;
                }
            }
        }
        Err(SubscribeError::Diverged { position: self.last.position })
    }

    /// The last position that [`Following::next`] has delivered.
    pub const fn position(&self) -> i64 {
        self.last.position
    }

    fn place_of(&self, batch: &[RecordedEvent]) -> Where {
        match (batch.first(), batch.last()) {
            (Some(first), _) if first.position == self.last.position + 1 => Where::Next,
            (_, Some(last)) if last.position > self.last.position => Where::Elsewhere,
            _ => Where::Known,
        }
    }

    fn deliver(&mut self, batch: Batch) -> Batch {
        if let Some(last) = batch.last() {
            self.last = Place { position: last.position, leaf: Some(last.leaf()) };
        }
        batch
    }
}

/// A batch as seen from the last event delivered.
enum Where {
    Known,
    Next,
    /// Some of it is known, or something before it is not.
    Elsewhere,
}
