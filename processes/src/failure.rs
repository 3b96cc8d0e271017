//! What can go wrong besides a rule saying no.

use eventstore::{ExecuteError, Receipt, StoreError};

/// A step failed and will be tried again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(pub(crate) String);

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self(error.to_string())
    }
}

/// A refusal is an answer, everything else a reason to try again.
pub(crate) fn answer<R: std::fmt::Display>(
    result: Result<Receipt, ExecuteError<R>>,
) -> Result<Result<Receipt, R>, Failure> {
    match result {
        Ok(receipt) => Ok(Ok(receipt)),
        Err(ExecuteError::Refused { refusal, .. }) => Ok(Err(refusal)),
        Err(error) => Err(Failure(error.to_string())),
    }
}
