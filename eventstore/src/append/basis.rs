//! What a command was decided on, as long as that is not in the log yet.
//!
//! Commands on a hot stream are decided on what the commands before them will have made of it. The
//! sequence alone does not tell whether that came true: where another process appended as many
//! events meanwhile, it looks right and the state is another one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// A state that was read from the log, with every command decided on it since. It falls with the
/// first of them that is not appended, and whatever else was decided on it falls with it.
#[derive(Debug, Clone)]
pub(crate) struct Basis(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    fallen: AtomicBool,
    settled: AtomicI64,
}

/// The same reading of the log, not merely one that looks alike.
impl PartialEq for Basis {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Basis {
    /// The stream had so many events when it was read.
    pub(crate) fn read_at(sequence: i64) -> Self {
        Self(Arc::new(Inner { fallen: false.into(), settled: sequence.into() }))
    }

    pub(crate) fn fall(&self) {
        self.0.fallen.store(true, Ordering::Release);
    }

    pub(crate) fn has_fallen(&self) -> bool {
        self.0.fallen.load(Ordering::Acquire)
    }

    /// A command decided on it was appended, and the stream has so many events.
    pub(crate) fn settle(&self, sequence: i64) {
        self.0.settled.fetch_max(sequence, Ordering::AcqRel);
    }

    /// Whether what it was at this sequence is what the log has there, now and for ever.
    pub(crate) fn is_settled(&self, sequence: i64) -> bool {
        sequence <= self.0.settled.load(Ordering::Acquire)
    }
}
