//! A database that vanished without a word never answers. Nobody waits for that longer than this.

use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::Connection;
use sqlx::postgres::{PgConnection, PgPoolOptions};
use tokio::time::timeout;

/// How long a question to the database may take that is no more than a page of events.
pub const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How long a connection may take to say that it is alive.
const ALIVE_MAX: Duration = Duration::from_secs(2);
/// A connection used so lately is taken to be alive: asking costs a round trip.
const TRUSTED: Duration = Duration::from_secs(1);
/// After a silence no connection is trusted for so long.
const SUSPICIOUS: Duration = Duration::from_secs(60);

/// When an answer failed to come, the last time.
static SILENT_AT: Mutex<Option<Instant>> = Mutex::new(None);

/// The answer of the database, or an error once it has taken too long.
pub async fn in_time<T, E: From<sqlx::Error>>(
    limit: Duration,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    // Dropped after the suspicion is known to whoever takes the connection back.
    let mut answer = pin!(answer);
    match timeout(limit, answer.as_mut()).await {
        Ok(answer) => answer,
        Err(_) => Err(silence(limit).into()),
    }
}

/// Options of a pool that gives up connections that have fallen silent. Without them a question that
/// was not answered in time keeps its place in the pool until the network notices, which takes a
/// quarter of an hour.
pub fn pool_options(connections_max: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections_max)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                match silent_for() {
                    // Whoever was there when it fell silent may be dead, and to ask takes time.
                    Some(silent_for) if meta.idle_for >= silent_for => Ok(false),
                    None if meta.idle_for < TRUSTED => Ok(true),
                    _ => is_alive(connection).await,
                }
            })
        })
        .after_release(|connection, _| {
            Box::pin(async move {
                match silent_for() {
                    Some(_) => is_alive(connection).await,
                    None => Ok(true),
                }
            })
        })
}

/// An error is for a connection that is not even waited for when it is closed.
async fn is_alive(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let answer = timeout(ALIVE_MAX, connection.ping()).await;
    answer.map(|answer| answer.is_ok()).map_err(|_| silence(ALIVE_MAX))
}

/// How long ago the last silence was noticed, while that is not long ago.
fn silent_for() -> Option<Duration> {
    let silent_at = SILENT_AT.lock().unwrap_or_else(PoisonError::into_inner);
    silent_at.map(|at| at.elapsed()).filter(|ago| *ago < SUSPICIOUS)
}

fn silence(limit: Duration) -> sqlx::Error {
    *SILENT_AT.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    let words = format!("no answer from the database in {limit:?}");
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, words))
}
