//! What a process is: the events it reacts to, and how.

use std::sync::Arc;

use async_trait::async_trait;
use eventstore::{Log, RecordedEvent};

use crate::cause::Cause;
use crate::export::Exports;
use crate::failure::Failure;
use crate::fulfilment::OrderFulfilment;
use crate::notification::{Mail, Notifications};

#[async_trait]
pub(crate) trait Process: Send + Sync {
    /// Its checkpoint, its turn and the ids of its commands hang on it: it never changes.
    fn name(&self) -> &'static str;

    /// Whether something follows from an event. The event's stream is the instance.
    fn reacts_to(&self, event: &RecordedEvent) -> bool;

    /// Does what follows from an event. Can be repeated, from the start, any number of times.
    async fn react(&self, log: &Log, cause: &Cause) -> Result<(), Failure>;
}

/// Every process there is; nobody is written to without mail.
pub(crate) fn all(mail: Option<Mail>) -> Vec<Arc<dyn Process>> {
    let mut all: Vec<Arc<dyn Process>> = vec![Arc::new(OrderFulfilment), Arc::new(Exports)];
    if let Some(mail) = mail {
        all.push(Arc::new(Notifications::new(mail)));
    }
    all
}
