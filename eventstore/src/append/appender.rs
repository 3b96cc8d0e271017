//! One task a process appends: it takes as many commands as arrived while the last batch committed
//! and sends them as one statement.

use std::time::Duration;

use metrics::{counter, gauge, histogram};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::basis::Basis;
use super::{Append, AppendError, BATCH_MAX, QUEUE_MAX, Verdict, columns, stuck};

/// How long a batch is sent again after its connection was lost.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(20);
/// How long one attempt may take: a server that vanished without a word never answers. The append
/// itself takes milliseconds, and waits for its lock for 2 s.
const ATTEMPT_MAX: Duration = Duration::from_secs(5);
/// Between two attempts to send a batch again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

pub(crate) type Answer = Result<Verdict, AppendError>;

/// To a command that was decided on one which is not in the log: whoever sent it decides again.
const FALLEN: Answer = Ok(Verdict::Conflict { current: 0 });

struct Pending {
    append: Append,
    stands_on: StandsOn,
    answer: oneshot::Sender<Answer>,
}

/// What a command was decided on.
#[derive(Default)]
pub(crate) struct StandsOn {
    /// The state of the command's own stream: falls if the command's events are not appended.
    pub(crate) own: Option<Basis>,
    /// The states of the streams it takes facts from.
    pub(crate) facts: Vec<Basis>,
}

impl Pending {
    fn has_fallen(&self) -> bool {
        self.stands_on.own.iter().chain(&self.stands_on.facts).any(Basis::has_fallen)
    }

    /// Whoever decided on these events must decide again if they are not in the log. That must be
    /// known here: the caller may have left, and the next batch may have been decided already.
    fn take_note(&self, answer: &Answer) {
        let Some(own) = &self.stands_on.own else { return };
        let has_events = self.append.writes.iter().any(|write| !write.events.is_empty());
        match answer {
            Ok(Verdict::Appended(stored)) => own.settle(stored.sequence),
            _ if has_events => own.fall(),
            _ => {}
        }
    }
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
            ("lock_timeout", "2s"),
            ("tcp_keepalives_idle", "15"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
            ("idle_in_transaction_session_timeout", "5s"),
        ]);
        tokio::spawn(Appender { options, connection: None }.run(receiver));
        Self { sender }
    }

    /// Puts a command in line; its place in the log follows its place here.
    pub(crate) fn push(
        &self,
        append: Append,
        stands_on: StandsOn,
    ) -> Result<oneshot::Receiver<Answer>, AppendError> {
        let (answer, verdict) = oneshot::channel();
        self.sender.try_send(Pending { append, stands_on, answer }).map_err(|full| match full {
            mpsc::error::TrySendError::Full(_) => AppendError::Busy,
            mpsc::error::TrySendError::Closed(_) => AppendError::Closed,
        })?;
        Ok(verdict)
    }
}

struct Appender {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
}

impl Appender {
    async fn run(mut self, mut queue: mpsc::Receiver<Pending>) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while queue.recv_many(&mut batch, BATCH_MAX).await > 0 {
            gauge!("daybook_append_queue_depth").set(queue.len() as f64);
            histogram!("daybook_append_batch_commands").record(batch.len() as f64);
            let started = Instant::now();
            self.settle(std::mem::take(&mut batch)).await;
            histogram!("daybook_append_seconds").record(started.elapsed().as_secs_f64());
        }
    }

    /// Gives every command of a batch its answer.
    async fn settle(&mut self, batch: Vec<Pending>) {
        let (fallen, batch): (Vec<Pending>, Vec<Pending>) =
            batch.into_iter().partition(Pending::has_fallen);
        for pending in fallen {
            pending.take_note(&FALLEN);
            let _ = pending.answer.send(FALLEN);
        }
        if batch.is_empty() {
            return;
        }
        let appends: Vec<&Append> = batch.iter().map(|pending| &pending.append).collect();
        let answers = match self.send(&appends).await {
            Ok(verdicts) => verdicts.into_iter().map(Ok).collect(),
            Err(Failure::Data(detail)) if batch.len() == 1 => vec![Ok(Verdict::Invalid(detail))],
            Err(Failure::Data(_)) => self.send_alone(&batch).await,
            Err(Failure::Append(error)) => vec![Err(error); batch.len()],
        };
        for (pending, answer) in batch.iter().zip(&answers) {
            pending.take_note(answer);
        }
        for (pending, answer) in batch.into_iter().zip(answers) {
            // A caller that no longer waits does not need its verdict.
            let _ = pending.answer.send(answer);
        }
    }

    /// A value that Postgres cannot store fails its statement whole: find out whose it is.
    async fn send_alone(&mut self, batch: &[Pending]) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(batch.len());
        for pending in batch {
            let answer = match self.send_unless_fallen(pending).await {
                Ok(mut verdicts) => verdicts.pop().ok_or(AppendError::OutcomeUnknown),
                Err(Failure::Data(detail)) => Ok(Verdict::Invalid(detail)),
                Err(Failure::Append(error)) => Err(error),
            };
            pending.take_note(&answer);
            answers.push(answer);
        }
        answers
    }

    async fn send_unless_fallen(&mut self, pending: &Pending) -> Result<Vec<Verdict>, Failure> {
        match pending.has_fallen() {
            true => Ok(FALLEN.into_iter().collect()),
            false => self.send(&[&pending.append]).await,
        }
    }

    /// Sends a batch until it has verdicts. Sending again is safe: every command has an id.
    async fn send(&mut self, batch: &[&Append]) -> Result<Vec<Verdict>, Failure> {
        let deadline = Instant::now() + WAIT_MAX;
        let mut lost = false;
        loop {
            let attempt = tokio::time::timeout(ATTEMPT_MAX, self.try_send(batch)).await;
            let error = match attempt.unwrap_or_else(|_| Err(no_answer())) {
                Ok(verdicts) => {
                    count(&verdicts);
                    return Ok(if lost { recovered(verdicts) } else { verdicts });
                }
                Err(error) => error,
            };
            match kind_of(&error) {
                ErrorKind::Data => return Err(Failure::Data(error.to_string())),
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

    async fn try_send(&mut self, batch: &[&Append]) -> Result<Vec<Verdict>, sqlx::Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.options.connect().await?),
        };
        columns::send(connection, batch).await
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

fn recovered(verdicts: Vec<Verdict>) -> Vec<Verdict> {
    verdicts
        .into_iter()
        .map(|verdict| match verdict {
            Verdict::Duplicate(stored) => Verdict::Recovered(stored),
            other => other,
        })
        .collect()
}

fn count(verdicts: &[Verdict]) {
    for verdict in verdicts {
        match verdict {
            Verdict::Duplicate(_) => counter!("daybook_append_duplicates_total").increment(1),
            Verdict::Conflict { .. } | Verdict::GuardFailed { .. } => {
                counter!("daybook_append_conflicts_total").increment(1);
            }
            _ => {}
        }
    }
}
