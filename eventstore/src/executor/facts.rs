//! What a command needs to know of other streams before it can be decided.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

use domain::Recorded;

use super::{Loaded, Log, StoreError};
use crate::append::Guard;
use crate::event::StreamId;

/// A command for one stream.
#[derive(Debug, Clone)]
pub struct Decision<A: Recorded> {
    pub id: String,
    pub command: A::Command,
}

impl<A: Recorded> Decision<A> {
    pub fn new(id: impl Display, command: A::Command) -> Self {
        Self { id: id.to_string(), command }
    }
}

/// Looks up facts and remembers at which sequence they held; the append refuses the command if one
/// of them has changed, and it is prepared anew.
#[derive(Clone)]
pub struct Facts {
    log: Log,
    guards: Arc<Mutex<Vec<Guard>>>,
}

impl Facts {
    pub(super) fn new(log: &Log) -> Self {
        Self { log: log.clone(), guards: Arc::default() }
    }

    /// The state of another stream, guarded.
    pub async fn load<A: Recorded>(&self, id: impl Display) -> Result<Loaded<A>, StoreError> {
        let id = id.to_string();
        let loaded = self.log.load::<A>(&id).await?;
        let guard = Guard { stream: StreamId::new(A::TYPE, id), sequence: loaded.sequence };
        let mut guards = self.guards.lock().unwrap_or_else(PoisonError::into_inner);
        if !guards.contains(&guard) {
            guards.push(guard);
        }
        Ok(loaded)
    }

    pub(super) fn guards(&self) -> Vec<Guard> {
        self.guards.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
