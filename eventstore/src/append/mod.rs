//! Appending: requests and verdicts. [`appender`] takes them in turn, [`wave`] says how many go
//! together, [`columns`] speaks SQL.

pub(crate) mod appender;
pub(crate) mod basis;
mod columns;
mod lane;
pub(crate) mod line;
mod stuck;
mod wave;

use domain::Claim;
use uuid::Uuid;

use crate::event::StreamId;
use crate::leaf::content_hash;

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

impl Append {
    fn events(&self) -> usize {
        self.writes.iter().map(|write| write.events.len()).sum()
    }

    /// The command's own stream and where it leaves it.
    fn own(&self) -> (&StreamId, i64) {
        let own = self.writes.first().expect("it was checked when the command got in line");
        (&own.stream, own.after())
    }

    /// The claims in order, without those that the command itself undoes again.
    fn lasting_claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.iter().enumerate().filter_map(|(index, claim)| {
            let undone = self.claims[index + 1..].iter().any(|later| undoes(later, claim));
            (!undone).then_some(claim)
        })
    }
}

/// A command with what can be computed of it before its place in the log is known.
struct Prepared {
    append: Append,
    /// Of each event, in order of writes.
    contents: Vec<Content>,
}

/// SHA-256 of an event without its place.
type Content = [u8; 32];

impl Prepared {
    fn new(append: Append) -> Result<Self, AppendError> {
        if append.writes.is_empty() {
            return Err(AppendError::Failed("a command without a stream".to_owned()));
        }
        let contents = append.writes.iter().flat_map(Write::contents).collect();
        Ok(Self { append, contents })
    }
}

fn undoes(later: &Claim, earlier: &Claim) -> bool {
    match (later, earlier) {
        (
            Claim::Release { kind, holder },
            Claim::Unique { kind: taken, holder: by, .. }
            | Claim::Place { kind: taken, holder: by, .. },
        ) => kind == taken && holder == by,
        (
            Claim::Capacity { kind, key, .. },
            Claim::Capacity { kind: earlier_kind, key: earlier_key, .. },
        ) => kind == earlier_kind && key == earlier_key,
        _ => false,
    }
}

/// Events for one stream, to stand right after `expected`.
#[derive(Debug, Clone)]
pub struct Write {
    pub stream: StreamId,
    pub expected: i64,
    pub events: Vec<NewEvent>,
}

impl Write {
    /// The stream's sequence once it is appended.
    const fn after(&self) -> i64 {
        self.expected + self.events.len() as i64
    }

    fn contents(&self) -> impl Iterator<Item = Content> {
        (self.expected + 1..).zip(&self.events).map(|(sequence, event)| {
            content_hash(
                &self.stream.aggregate_type,
                &self.stream.aggregate_id,
                sequence,
                &event.event_type,
                &event.event_version,
                &event.payload,
                &event.metadata,
            )
        })
    }
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
