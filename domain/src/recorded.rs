//! What the log must know of an aggregate beyond cqrs-es.

use serde::{Serialize, de::DeserializeOwned};

use crate::{AccountId, Claim};

/// An aggregate whose events live in the log.
pub trait Recorded:
    cqrs_es::Aggregate<
        Services = (),
        Command: Clone + Send + Sync,
        Event: Send + Sync,
        Error: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
    > + Clone
    + 'static
{
    /// What this event takes, limits or releases among facts that must be unique or scarce.
    ///
    /// Asked before personal values are sealed, so that the key of an e-mail can be seen.
    fn claims(_event: &Self::Event) -> Vec<Claim> {
        Vec::new()
    }

    /// The person whose key is destroyed with this event.
    fn erases(_event: &Self::Event) -> Option<AccountId> {
        None
    }
}
