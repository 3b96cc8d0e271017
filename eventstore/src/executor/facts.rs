//! What a command needs to know of other streams before it can be decided.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

use domain::Recorded;

use super::{Loaded, Log, StoreError};
use crate::append::Guard;
use crate::append::basis::Basis;
use crate::event::StreamId;

/// A command for one stream, and perhaps one for another that is decided in the same append.
#[derive(Debug, Clone)]
pub struct Decision<A: Recorded, B: Recorded = A> {
    pub(super) id: String,
    pub(super) command: A::Command,
    pub(super) also: Option<(String, B::Command)>,
}

impl<A: Recorded> Decision<A> {
    pub fn new(id: impl Display, command: A::Command) -> Self {
        Self { id: id.to_string(), command, also: None }
    }

    /// Both are appended or neither is: a refusal of one is the refusal of both.
    pub fn and<B: Recorded>(self, id: impl Display, command: B::Command) -> Decision<A, B> {
        let also = Some((id.to_string(), command));
        Decision { id: self.id, command: self.command, also }
    }
}

/// Looks up facts and remembers at which sequence they held; the append refuses the command if one
/// of them has changed, and it is prepared anew.
#[derive(Clone)]
pub struct Facts {
    log: Log,
    guards: Arc<Mutex<Vec<(Guard, Basis)>>>,
}

impl Facts {
    pub(super) fn new(log: &Log) -> Self {
        Self { log: log.clone(), guards: Arc::default() }
    }

    /// The state of another stream, guarded.
    pub async fn load<A: Recorded>(&self, id: impl Display) -> Result<Loaded<A>, StoreError> {
        let stream = StreamId::new(A::TYPE, id.to_string());
        let (loaded, basis) = self.log.load_with_basis::<A>(&stream).await?;
        let guard = Guard { stream, sequence: loaded.sequence };
        let mut guards = self.guards.lock().unwrap_or_else(PoisonError::into_inner);
        let fact = (guard, basis);
        if !guards.contains(&fact) {
            guards.push(fact);
        }
        Ok(loaded)
    }

    /// What must still hold, and what it stands on.
    pub(super) fn guards(&self) -> (Vec<Guard>, Vec<Basis>) {
        self.guards.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().unzip()
    }

    /// Whether all of it is in the log, none of it merely about to be.
    pub(super) fn are_settled(&self) -> bool {
        let guards = self.guards.lock().unwrap_or_else(PoisonError::into_inner);
        guards.iter().all(|(guard, basis)| basis.is_settled(guard.sequence))
    }
}
