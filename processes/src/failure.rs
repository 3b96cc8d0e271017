//! What can go wrong besides a rule saying no.

use std::future::Future;
use std::time::Duration;

use eventstore::{ExecuteError, Receipt, StoreError};
use tokio::time::timeout;

/// The longest the database may take to answer: one that vanished without a word never does.
const ANSWER_MAX: Duration = Duration::from_secs(10);

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

/// An answer of the database, or a failure once it has taken too long.
pub(crate) async fn in_time<T>(
    answer: impl Future<Output = Result<T, sqlx::Error>> + Send,
) -> Result<T, Failure> {
    match timeout(ANSWER_MAX, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Failure(format!("no answer from the database in {ANSWER_MAX:?}"))),
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
