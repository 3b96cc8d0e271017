//! What a read model is to the runtime: a name, a version, some tables, and what a batch changes.

use std::borrow::Cow;

use async_trait::async_trait;
use eventstore::{DecodeError, RecordedEvent};
use sqlx::PgConnection;

/// Code that fills one read model from the log.
///
/// The rows must be a function of the events alone: no clock, no serial numbers, no sums of floats.
/// Otherwise a rebuild differs from the live tables and `projections verify` says so.
#[async_trait]
pub trait Projection: Send + Sync + 'static {
    /// Lower-case words joined by underscores; it names schemas and metrics and never changes.
    fn name(&self) -> &'static str;

    /// Goes up with every change of tables or meaning; a higher one is built beside the live one.
    fn version(&self) -> u32;

    /// Aggregate types whose events it wants.
    fn sources(&self) -> &'static [&'static str];

    /// `create table` and `create index` statements with unqualified names, run once in the schema
    /// of each build. Every table (and view) becomes `readmodel.<table>` when the build goes live.
    /// A build with much to read has only its unique indexes until then: `apply` goes by no other.
    fn schema(&self) -> &'static str;

    /// Writes what the batch changes. The batch is never empty, ordered by position and holds only
    /// events of `sources`; `search_path` is the build's schema; the checkpoint moves in the same
    /// transaction, so that the effect is exactly once.
    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError>;
}

/// Why a batch could not be applied. The runtime decides by the kind what happens next.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// Connection, lock and resource errors are tried again for ever, data errors (SQLSTATE classes
    /// 22 and 23) park the event that causes them.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// A type or version newer than this program: the lease goes to a newer one.
    #[error("event {event_type} {event_version} at position {position} is newer than this program")]
    Unknown { position: i64, event_type: String, event_version: String },
    /// This event does not make sense to the projection; it is parked.
    #[error("the event at position {position} cannot be applied: {reason}")]
    Event { position: i64, reason: Cow<'static, str> },
    /// The payload cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl ProjectionError {
    /// For a projection that finds an event it cannot make sense of.
    pub fn event(event: &RecordedEvent, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Event { position: event.position, reason: reason.into() }
    }
}
