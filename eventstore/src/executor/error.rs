//! Why a command was not accepted.

use crate::append::AppendError;
use crate::event::DecodeError;
use crate::personal::PersonalError;

/// The store itself failed; the command may be sent again.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Personal(#[from] PersonalError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("{0}")]
    Append(String),
}

/// What a command can come to besides a receipt.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<R> {
    /// The aggregate said no, now or when the same key was used before.
    #[error("{refusal}")]
    Refused { refusal: R, replayed: bool },
    /// A unique fact belongs to somebody else.
    #[error("the {kind} is taken")]
    Taken { kind: String },
    /// A scarce thing has no place left.
    #[error("no {kind} is left")]
    Full { kind: String },
    /// The stream is not where the caller believed it to be.
    #[error("the stream is at sequence {current}")]
    Version { current: i64 },
    #[error("the key was used for another command")]
    KeyReused,
    #[error("a command with this key is being decided")]
    KeyInProgress,
    #[error("the person was erased")]
    Erased,
    /// Others changed the same stream, or a fact the decision needs, again and again.
    #[error("the stream changed meanwhile, {attempts} times")]
    Contended { attempts: u32 },
    #[error("too many commands are waiting")]
    Busy,
    #[error("the connection was lost and the outcome is not known")]
    OutcomeUnknown,
    /// The data itself cannot be stored.
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<R> From<AppendError> for ExecuteError<R> {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Busy => Self::Busy,
            AppendError::OutcomeUnknown => Self::OutcomeUnknown,
            AppendError::Failed(_) | AppendError::Closed => {
                Self::Store(StoreError::Append(error.to_string()))
            }
        }
    }
}
