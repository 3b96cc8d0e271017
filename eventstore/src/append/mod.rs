//! Appending: requests and verdicts. [`appender`] batches them, [`columns`] speaks SQL.

pub(crate) mod appender;
pub(crate) mod basis;
mod columns;
mod stuck;

use domain::Claim;
use uuid::Uuid;

use crate::event::StreamId;

/// The most commands in one batch; a batch is what arrived while the last one committed.
pub const BATCH_MAX: usize = 256;
/// The most commands waiting for the appender; beyond it callers are told to come back.
pub const QUEUE_MAX: usize = 4_096;
/// The longest JSON text of one event.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;

/// One command's outcome, to be appended whole or not at all.
#[derive(Debug, Clone)]
pub struct Append {
    pub caller: String,
    pub key: String,
    /// Tells whether a repeated key asks for the same thing; never the payload itself.
    pub fingerprint: Vec<u8>,
    /// The refusal as JSON, when the decision was one. It comes without events.
    pub refusal: Option<String>,
    /// The command's own stream first, also when nothing is written to it.
    pub writes: Vec<Write>,
    /// Facts of other streams that the decision used: each must still be at its sequence.
    pub guards: Vec<Guard>,
    pub claims: Vec<Claim>,
    /// Persons whose sealed values the events carry.
    pub subjects: Vec<Uuid>,
    /// Persons whose keys are destroyed with these events.
    pub erased: Vec<Uuid>,
}

/// Events for one stream, to stand right after `expected`.
#[derive(Debug, Clone)]
pub struct Write {
    pub stream: StreamId,
    pub expected: i64,
    pub events: Vec<NewEvent>,
}

#[derive(Debug, Clone)]
pub struct NewEvent {
    pub event_type: String,
    pub event_version: String,
    /// JSON text, personal values sealed.
    pub payload: String,
    /// JSON text of a flat map of strings.
    pub metadata: String,
}

/// A fact of another stream: what was known of it when it had this many events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    pub stream: StreamId,
    pub sequence: i64,
}

/// What became of one command of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Stored now. `appended` is false for a decision without events.
    Appended(Stored),
    /// Decided earlier under the same key with the same payload.
    Duplicate(Stored),
    /// Found stored when the batch was sent again after a lost connection: this very command, most
    /// likely, though nobody can tell it from one sent earlier with the same key and payload.
    Recovered(Stored),
    /// The key was used for something else.
    Mismatch,
    /// A stream of the command is at another sequence.
    Conflict { current: i64 },
    /// A fact that the decision used has changed.
    GuardFailed { stream: String },
    /// A unique claim has another holder.
    Taken { kind: String },
    /// No place left.
    Full { kind: String },
    /// A person the events speak of was erased.
    Erased,
    /// The data itself cannot be stored.
    Invalid(String),
}

/// What the log keeps of a decided command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub stream: StreamId,
    pub sequence: i64,
    /// Of the last event; for a decision without events, of the log.
    pub position: i64,
    pub appended: bool,
    pub refusal: Option<String>,
}

/// Why there is no verdict.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    #[error("the append queue is full")]
    Busy,
    #[error("the connection was lost and the outcome could not be found out in time")]
    OutcomeUnknown,
    #[error("the append failed: {0}")]
    Failed(String),
    #[error("the log is closed")]
    Closed,
}
