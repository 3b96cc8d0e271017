//! What a command was decided on, as long as that is not in the log yet.
//!
//! Commands on a hot stream are decided on what the commands before them will have made of it. The
//! sequence alone does not tell whether that came true: where another process appended as many
//! events meanwhile, it looks right and the state is another one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A state that was read from the log, with every command decided on it since. It falls with the
/// first of them that is not appended, and whatever else was decided on it falls with it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Basis {
    fallen: Arc<AtomicBool>,
}

/// The same reading of the log, not merely one that looks alike.
impl PartialEq for Basis {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.fallen, &other.fallen)
    }
}

impl Basis {
    pub(crate) fn fall(&self) {
        self.fallen.store(true, Ordering::Release);
    }

    pub(crate) fn has_fallen(&self) -> bool {
        self.fallen.load(Ordering::Acquire)
    }
}
