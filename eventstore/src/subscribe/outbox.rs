//! Events on their way out: gathered into batches that grow while the subscriber is busy.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{Batch, Place};
use crate::RecordedEvent;

/// A batch is handed over at the latest with this many events or bytes.
pub(super) const BATCH_MAX: usize = 4_096;
pub(super) const BATCH_BYTES_MAX: usize = 8 << 20;

/// What an event takes besides its texts, roughly.
const EVENT_OVERHEAD_BYTES: usize = 300;

/// The subscription was dropped.
#[derive(Debug)]
pub(super) struct Closed;

#[derive(Debug)]
pub(super) struct Outbox {
    sender: mpsc::Sender<Batch>,
    pending: Vec<RecordedEvent>,
    pending_bytes: usize,
    /// The next position to deliver.
    next: i64,
    /// Leaf of the last event handed over, to recognise another history.
    last_leaf: Option<[u8; 32]>,
}

impl Outbox {
    pub(super) const fn new(next: i64, sender: mpsc::Sender<Batch>) -> Self {
        Self { sender, pending: Vec::new(), pending_bytes: 0, next, last_leaf: None }
    }

    /// The position of the event that is wanted next.
    pub(super) const fn next(&self) -> i64 {
        self.next
    }

    /// The last event taken.
    pub(super) fn last(&self) -> Place {
        let pending = self.pending.last().map(RecordedEvent::leaf);
        Place { position: self.next - 1, leaf: pending.or(self.last_leaf) }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    pub(super) const fn is_full(&self) -> bool {
        self.pending.len() >= BATCH_MAX || self.pending_bytes >= BATCH_BYTES_MAX
    }

    /// Takes the event at the next position; any other is a mistake of the caller.
    pub(super) fn push(&mut self, event: RecordedEvent) {
        debug_assert_eq!(event.position, self.next, "events leave in order");
        self.next = event.position + 1;
        self.pending_bytes += bytes_of(&event);
        self.pending.push(event);
    }

    /// Hands over what is pending as soon as the subscriber has room. Cancel-safe.
    pub(super) async fn flush(&mut self) -> Result<(), Closed> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let room = self.sender.reserve().await.map_err(|_| Closed)?;
        self.last_leaf = self.pending.last().map(RecordedEvent::leaf);
        self.pending_bytes = 0;
        room.send(Arc::new(std::mem::take(&mut self.pending)));
        Ok(())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

pub(super) fn bytes_of(event: &RecordedEvent) -> usize {
    event.payload.len() + event.metadata.len() + EVENT_OVERHEAD_BYTES
}
