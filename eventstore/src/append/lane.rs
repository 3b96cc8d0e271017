//! A connection that appends one set after another.

use std::time::Duration;

use metrics::counter;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::time::Instant;

use super::columns::{self, Follows, Outcome};
use super::line::Pending;
use super::wave::Head;
use super::{AppendError, Verdict, stuck};

/// How long a batch is sent again after its connection was lost.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(20);
/// How long one attempt may take: a server that vanished without a word never answers. The append
/// itself takes milliseconds, and waits for its lock for 2 s.
const ATTEMPT_MAX: Duration = Duration::from_secs(5);
/// Between two attempts to send a batch again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Why a set has no outcome.
pub(super) enum Failure {
    /// A value of it cannot be stored.
    Data(String),
    Append(AppendError),
}

pub(super) struct Lane {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
}

impl Lane {
    pub(super) const fn new(options: PgConnectOptions) -> Self {
        Self { options, connection: None }
    }

    /// Sends a set until it has an outcome. Sending again is safe: every command has an id.
    pub(super) async fn send(
        &mut self,
        commands: &[Pending],
        heads: &[Head],
        follows: &Follows,
    ) -> Result<Outcome, Failure> {
        let deadline = Instant::now() + WAIT_MAX;
        let (mut careful, mut lost) = (false, false);
        loop {
            let attempt =
                tokio::time::timeout(ATTEMPT_MAX, self.try_send(commands, heads, follows, careful))
                    .await;
            let error = match attempt.unwrap_or_else(|_| Err(no_answer())) {
                Ok(Outcome::Irregular(_)) if !careful => {
                    careful = true;
                    continue;
                }
                Ok(outcome) if lost => return Ok(recovered(outcome)),
                Ok(outcome) => return Ok(outcome),
                Err(error) => error,
            };
            match kind_of(&error) {
                ErrorKind::Occupied if !careful => {
                    careful = true;
                    continue;
                }
                ErrorKind::Data | ErrorKind::Occupied => {
                    return Err(Failure::Data(error.to_string()));
                }
                ErrorKind::Final => {
                    tracing::error!("the append failed: {error}");
                    // Whatever was wrong may have been wrong with this session alone: a server that
                    // became a standby, a statement prepared before a migration.
                    self.connection = None;
                    return Err(Failure::Append(AppendError::Failed(error.to_string())));
                }
                ErrorKind::LockTimeout => self.remove_stuck_holder().await,
                ErrorKind::Lost => {
                    tracing::warn!("the append lost its connection, sending again: {error}");
                    self.connection = None;
                    lost = true;
                }
            }
            if Instant::now() >= deadline {
                return Err(Failure::Append(AppendError::OutcomeUnknown));
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    async fn try_send(
        &mut self,
        commands: &[Pending],
        heads: &[Head],
        follows: &Follows,
        careful: bool,
    ) -> Result<Outcome, sqlx::Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.options.connect().await?),
        };
        columns::send(connection, commands, heads, follows, careful).await
    }

    async fn remove_stuck_holder(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        match stuck::remove_stuck_holder(connection).await {
            Ok(0) => {}
            Ok(removed) => {
                counter!("daybook_append_stuck_holders_total").increment(removed);
                tracing::warn!("ended {removed} session(s) that held the append lock frozen");
            }
            Err(error) => {
                tracing::warn!("could not look for a stuck lock holder: {error}");
                self.connection = None;
            }
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(connection.close());
        }
    }
}

enum ErrorKind {
    /// A place is taken that should be free: a key or a stream's first event.
    Occupied,
    /// The values themselves cannot be stored (SQLSTATE classes 22 and 23, and 54: too long for an
    /// index or too deep).
    Data,
    LockTimeout,
    /// Nobody knows whether the batch was committed.
    Lost,
    Final,
}

fn kind_of(error: &sqlx::Error) -> ErrorKind {
    let sqlx::Error::Database(database) = error else {
        return match error {
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => ErrorKind::Lost,
            sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => ErrorKind::Lost,
            _ => ErrorKind::Final,
        };
    };
    match database.code().as_deref() {
        Some("55P03") => ErrorKind::LockTimeout,
        Some("23505") => ErrorKind::Occupied,
        Some(code) if ["22", "23", "54"].iter().any(|class| code.starts_with(class)) => {
            ErrorKind::Data
        }
        // Shut down, starting up, out of connections, deadlock or serialization: try again.
        Some(code) if ["08", "57", "53", "40"].iter().any(|class| code.starts_with(class)) => {
            ErrorKind::Lost
        }
        _ => ErrorKind::Final,
    }
}

fn no_answer() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(
        std::io::ErrorKind::TimedOut,
        format!("no answer within {ATTEMPT_MAX:?}"),
    ))
}

/// What is found stored when a set is sent again was stored by sending it before.
fn recovered(outcome: Outcome) -> Outcome {
    let Outcome::Irregular(verdicts) = outcome else { return outcome };
    let recovered = |verdict| match verdict {
        Verdict::Duplicate(stored) => Verdict::Recovered(stored),
        other => other,
    };
    Outcome::Irregular(verdicts.into_iter().map(|(at, verdict)| (at, recovered(verdict))).collect())
}
