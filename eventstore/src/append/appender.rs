//! One task a process appends: it takes as many commands as arrived while the last set committed
//! and sends as many of them as get along with each other as one statement.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{counter, gauge, histogram};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::basis::Basis;
use super::columns::{self, Outcome};
use super::line::{Answer, Line, Pending};
use super::wave::Wave;
use super::{Append, AppendError, BATCH_MAX, Prepared, QUEUE_MAX, Verdict, stuck};

/// How long a batch is sent again after its connection was lost.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(20);
/// How long one attempt may take: a server that vanished without a word never answers. The append
/// itself takes milliseconds, and waits for its lock for 2 s.
const ATTEMPT_MAX: Duration = Duration::from_secs(5);
/// Between two attempts to send a batch again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// What a command was decided on.
#[derive(Default)]
pub(crate) struct StandsOn {
    /// The state of the command's own stream: falls if the command's events are not appended.
    pub(crate) own: Option<Basis>,
    /// The states of the streams it takes facts from.
    pub(crate) facts: Vec<Basis>,
}

/// The way to the appender task, which ends when the last of these is gone.
#[derive(Clone)]
pub(crate) struct Queue {
    sender: mpsc::Sender<Pending>,
}

impl Queue {
    /// Starts the appender on a connection of its own.
    pub(crate) fn start(options: PgConnectOptions) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let options = options.options([
            // What others committed before the lock was had must be seen, whatever the default is.
            ("default_transaction_isolation", "read\\ committed"),
            ("lock_timeout", "2s"),
            ("tcp_keepalives_idle", "15"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
            ("idle_in_transaction_session_timeout", "5s"),
        ]);
        tokio::spawn(Appender { options, connection: None, sent_max: BATCH_MAX }.run(receiver));
        Self { sender }
    }

    /// Puts a command in line; its place in the log follows its place here.
    pub(crate) fn push(
        &self,
        append: Append,
        stands_on: StandsOn,
    ) -> Result<oneshot::Receiver<Answer>, AppendError> {
        let (answer, verdict) = oneshot::channel();
        let command = Prepared::new(append)?;
        self.sender.try_send(Pending { command, stands_on, answer }).map_err(
            |full| match full {
                mpsc::error::TrySendError::Full(_) => AppendError::Busy,
                mpsc::error::TrySendError::Closed(_) => AppendError::Closed,
            },
        )?;
        Ok(verdict)
    }
}

struct Appender {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    /// How many commands go together next time.
    sent_max: usize,
}

impl Appender {
    async fn run(mut self, mut queue: mpsc::Receiver<Pending>) {
        let mut line = Vec::with_capacity(BATCH_MAX);
        loop {
            if line.is_empty() && queue.recv_many(&mut line, BATCH_MAX).await == 0 {
                return;
            }
            // Those who got their answers together ask again together.
            tokio::task::yield_now().await;
            while line.len() < BATCH_MAX
                && let Ok(pending) = queue.try_recv()
            {
                line.push(pending);
            }
            gauge!("daybook_append_queue_depth").set(queue.len() as f64);
            line = self.append(line).await;
        }
    }

    /// Answers commands from the front of the line; returns those that still stand in it.
    async fn append(&mut self, line: Vec<Pending>) -> Vec<Pending> {
        let mut line = Line::new(line);
        if let Some(wave) = line.wave(self.sent_max) {
            let size = wave.commands.len();
            histogram!("daybook_append_batch_commands").record(size as f64);
            let started = Instant::now();
            let sent = self.send(&wave).await;
            histogram!("daybook_append_seconds").record(started.elapsed().as_secs_f64());
            self.sent_max = BATCH_MAX;
            match sent {
                Ok(Outcome::Appended(verdicts)) => line.appended(verdicts),
                Ok(Outcome::Irregular(verdicts)) => self.sent_max = line.turn_down(verdicts),
                // A value that Postgres cannot store fails its statement whole: find out whose.
                Err(Failure::Data(detail)) if size == 1 => {
                    line.turn_down(BTreeMap::from([(0, Verdict::Invalid(detail))]));
                }
                Err(Failure::Data(_)) => self.sent_max = size / 2,
                Err(Failure::Append(error)) => line.fail(size, &error),
            }
        }
        line.deliver()
    }

    /// Sends a set until it has an outcome. Sending again is safe: every command has an id.
    async fn send(&mut self, wave: &Wave<'_>) -> Result<Outcome, Failure> {
        let deadline = Instant::now() + WAIT_MAX;
        let (mut careful, mut lost) = (false, false);
        loop {
            let attempt = tokio::time::timeout(ATTEMPT_MAX, self.try_send(wave, careful)).await;
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

    async fn try_send(&mut self, wave: &Wave<'_>, careful: bool) -> Result<Outcome, sqlx::Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.options.connect().await?),
        };
        columns::send(connection, wave, careful).await
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

impl Drop for Appender {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(connection.close());
        }
    }
}

enum Failure {
    Data(String),
    Append(AppendError),
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
