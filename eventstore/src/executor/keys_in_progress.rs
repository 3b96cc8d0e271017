//! Command ids being decided in this process right now.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::context::Context;

#[derive(Clone, Default)]
pub(super) struct KeysInProgress {
    keys: Arc<Mutex<HashSet<(String, String)>>>,
}

/// Frees the key when dropped.
pub(super) struct KeyInProgress {
    keys: KeysInProgress,
    key: (String, String),
}

impl KeysInProgress {
    /// `None` if the same caller's command with this key has no answer yet.
    pub(super) fn enter(&self, context: &Context) -> Option<KeyInProgress> {
        let key = (context.caller.clone(), context.key.clone());
        let entered = self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        entered.then(|| KeyInProgress { keys: self.clone(), key })
    }
}

impl Drop for KeyInProgress {
    fn drop(&mut self) {
        self.keys.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
