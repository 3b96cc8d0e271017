//! Recently used aggregates, each as it will be when everything in the queue has been appended.
//!
//! Deciding on the pending state lets many commands on one stream join one batch. A wrong guess is
//! harmless: the append compares sequences, and when a command is told anything but "appended" the
//! [`Basis`] falls, so that those who decided on it conflict and the next one reads the log.

use std::any::Any;
use std::sync::Arc;

use domain::Recorded;
use tokio::sync::Mutex;

use crate::append::basis::Basis;
use crate::event::{RecordedEvent, StreamId};

pub(super) struct Cache {
    slots: moka::sync::Cache<StreamId, Arc<dyn Any + Send + Sync>>,
}

/// One stream's place in the cache. Its lock is held while a command is decided and put in line, so
/// that commands reach the log in the order they were decided.
pub(super) type Slot<A> = Mutex<Held<A>>;

/// What is known of a stream.
#[derive(Debug)]
pub(super) struct Held<A> {
    pub(super) pending: Option<Pending<A>>,
    /// Of a long stream: what the log had when it was last read, so that after a conflict only what
    /// came since is read.
    pub(super) known: Option<Known<A>>,
}

impl<A> Default for Held<A> {
    fn default() -> Self {
        Self { pending: None, known: None }
    }
}

/// An aggregate as the log has it.
#[derive(Debug)]
pub(super) struct Known<A> {
    pub(super) state: A,
    pub(super) sequence: i64,
    /// The event of that sequence, as it was stored. A log that has another one there was put back
    /// to an earlier state and went on differently.
    pub(super) last: Option<RecordedEvent>,
}

/// An aggregate after everything decided so far.
#[derive(Debug, Clone)]
pub(super) struct Pending<A> {
    pub(super) state: A,
    pub(super) sequence: i64,
    /// What all of this stands on.
    pub(super) basis: Basis,
}

impl Cache {
    pub(super) fn new(capacity: u64) -> Self {
        Self { slots: moka::sync::Cache::new(capacity) }
    }

    pub(super) fn slot<A: Recorded>(&self, stream: &StreamId) -> Arc<Slot<A>> {
        let new_slot = || Arc::new(Slot::<A>::default()) as Arc<dyn Any + Send + Sync>;
        let slot = match self.slots.get(stream) {
            Some(slot) => slot,
            None => self.slots.get_with_by_ref(stream, new_slot),
        };
        // Two aggregates under one TYPE is a mistake in the program; each still gets its state.
        slot.downcast::<Slot<A>>().unwrap_or_default()
    }
}

impl Cache {
    /// The next user of the stream loads it from the log.
    pub(super) fn forget(&self, stream: &StreamId) {
        self.slots.invalidate(stream);
    }
}
