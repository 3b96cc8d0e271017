//! What can go wrong besides a rule saying no.

use std::future::Future;
use std::time::Duration;

use eventstore::personal::PersonalError;
use eventstore::{DecodeError, ExecuteError, Receipt, StoreError};
use tokio::time::timeout;

/// The longest the database may take to answer: one that vanished without a word never does.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// A step failed and will be tried again.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Failure {
    /// Of the connection, the server or the moment: no event is to blame.
    #[error("{0}")]
    Passing(String),
    /// Of the data, or of this program: it will fail again.
    #[error("{0}")]
    Lasting(String),
}

impl Failure {
    pub(crate) fn lasting(error: impl ToString) -> Self {
        Self::Lasting(error.to_string())
    }

    pub(crate) fn passing(error: impl ToString) -> Self {
        Self::Passing(error.to_string())
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::lasting(error)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(refused) => {
                let class = refused.code().and_then(|code| code.get(..2).map(str::to_owned));
                match class.as_deref() {
                    Some("22" | "23" | "54") => Self::lasting(error),
                    _ => Self::passing(error),
                }
            }
            sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
                Self::lasting(error)
            }
            _ => Self::passing(error),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(error) | StoreError::Personal(PersonalError::Database(error)) => {
                error.into()
            }
            // Keys that are not where they should be stop everybody.
            StoreError::Append(_)
            | StoreError::Personal(PersonalError::Directory(_) | PersonalError::WrappingKey(_)) => {
                Self::passing(error)
            }
            StoreError::Decode(_)
            | StoreError::Json(_)
            | StoreError::Personal(
                PersonalError::Erased(_)
                | PersonalError::Unreadable { .. }
                | PersonalError::Json(_),
            ) => Self::lasting(error),
        }
    }
}

/// An answer of the database, or a failure once it has taken too long.
pub(crate) async fn in_time<T>(
    answer: impl Future<Output = Result<T, sqlx::Error>> + Send,
) -> Result<T, Failure> {
    match timeout(ANSWER_MAX, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Failure::Passing(format!("no answer from the database in {ANSWER_MAX:?}"))),
    }
}

/// A refusal is an answer, everything else a reason to try again.
pub(crate) fn answer<R: std::fmt::Display>(
    result: Result<Receipt, ExecuteError<R>>,
) -> Result<Result<Receipt, R>, Failure> {
    match result {
        Ok(receipt) => Ok(Ok(receipt)),
        Err(ExecuteError::Refused { refusal, .. }) => Ok(Err(refusal)),
        Err(ExecuteError::Store(error)) => Err(error.into()),
        Err(
            error @ (ExecuteError::KeyInProgress
            | ExecuteError::Contended { .. }
            | ExecuteError::Busy
            | ExecuteError::OutcomeUnknown),
        ) => Err(Failure::passing(error)),
        Err(
            error @ (ExecuteError::Taken { .. }
            | ExecuteError::Full { .. }
            | ExecuteError::Version { .. }
            | ExecuteError::KeyReused
            | ExecuteError::Erased
            | ExecuteError::Invalid(_)),
        ) => Err(Failure::lasting(error)),
    }
}

#[cfg(test)]
mod tests {
    use domain::order::Refusal;

    use super::*;

    fn is_lasting(error: ExecuteError<Refusal>) -> bool {
        matches!(answer(Err(error)), Err(Failure::Lasting(_)))
    }

    #[test]
    fn an_outage_is_nobodys_fault_and_parks_nobody() {
        let gone = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        for error in [
            ExecuteError::Busy,
            ExecuteError::OutcomeUnknown,
            ExecuteError::Contended { attempts: 100 },
            ExecuteError::Store(StoreError::Append("the log is closed".to_owned())),
            ExecuteError::Store(StoreError::Database(sqlx::Error::PoolTimedOut)),
            ExecuteError::Store(StoreError::Database(sqlx::Error::Io(gone()))),
            ExecuteError::Store(PersonalError::Directory(gone()).into()),
        ] {
            let text = error.to_string();
            assert!(!is_lasting(error), "{text}");
        }
    }

    #[test]
    fn what_will_fail_again_is_not_tried_for_ever() {
        for error in [
            ExecuteError::Invalid("text must not contain U+0000".to_owned()),
            ExecuteError::KeyReused,
            ExecuteError::Store(StoreError::Database(sqlx::Error::Decode("no number".into()))),
        ] {
            let text = error.to_string();
            assert!(is_lasting(error), "{text}");
        }
    }
}
