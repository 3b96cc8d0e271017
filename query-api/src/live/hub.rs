//! One subscription per process, shared by all connections. It speaks after the projections have.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use eventstore::{Feed, Reader};
use service_kit::Problem;
use sqlx::PgPool;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::Batch;
use super::notice::{Notice, notices};

/// Batches a connection may be behind before it must come back with its Last-Event-ID.
const BATCHES_MAX: usize = 256;
/// A projection further behind than this does not hold back the news of the others.
const PROJECTIONS_WAIT_MAX: Duration = Duration::from_secs(5);
const PROJECTIONS_PAUSE: Duration = Duration::from_millis(20);

/// Starts with the first connection and ends with the process.
pub struct Live {
    pool: PgPool,
    feed: Feed,
    shutdown: CancellationToken,
    running: Mutex<Option<Running>>,
}

#[derive(Clone)]
struct Running {
    sender: broadcast::Sender<Batch>,
    /// Every batch up to here has been sent or is about to be.
    position: Arc<AtomicI64>,
}

/// What a new connection begins with: batches after `position` will come.
pub(super) struct Joined {
    pub position: i64,
    pub batches: broadcast::Receiver<Batch>,
}

impl Live {
    pub fn new(pool: PgPool, feed: Feed, shutdown: CancellationToken) -> Self {
        Self { pool, feed, shutdown, running: Mutex::new(None) }
    }

    pub(super) async fn join(&self) -> Result<Joined, Problem> {
        let log = Reader::new(self.pool.clone());
        let running = match self.running() {
            Some(running) => running,
            None => {
                let head = log.head().await?;
                self.start(log, head)
            }
        };
        // In this order: a batch sent in between is received and then dropped as known.
        let batches = running.sender.subscribe();
        Ok(Joined { position: running.position.load(Ordering::SeqCst), batches })
    }

    fn running(&self) -> Option<Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Unless another connection was faster.
    fn start(&self, log: Reader, head: i64) -> Running {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = running.as_ref() {
            return running.clone();
        }
        let (sender, _) = broadcast::channel(BATCHES_MAX);
        let started = Running { sender, position: Arc::new(AtomicI64::new(head)) };
        let speaking = speak(self.pool.clone(), log, self.feed.clone(), started.clone());
        let shutdown = self.shutdown.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = speaking => {}
            }
        });
        *running = Some(started.clone());
        started
    }
}

async fn speak(pool: PgPool, log: Reader, feed: Feed, running: Running) {
    loop {
        let from = running.position.load(Ordering::SeqCst);
        let mut events = feed.follow(from);
        let end = loop {
            let batch = match events.next().await {
                Ok(batch) => batch,
                Err(end) => break end,
            };
            let Some(last) = batch.last().map(|event| event.position) else { continue };
            projected(&pool, last).await;
            let news: Vec<Notice> = batch.iter().flat_map(notices).collect();
            running.position.store(last, Ordering::SeqCst);
            // Nobody listening is no failure.
            let _ = running.sender.send(Arc::new(news));
        };
        match end {
            eventstore::SubscribeError::Stopped => return,
            eventstore::SubscribeError::Diverged { position } => {
                tracing::warn!(position, "live updates start anew: the log has lost events: {end}");
                match log.head().await {
                    Ok(head) => running.position.store(head, Ordering::SeqCst),
                    Err(error) => tracing::warn!(error = %error, "the log cannot be read: {error}"),
                }
            }
        }
    }
}

/// Waits until every read model shows `position`, within reason.
async fn projected(pool: &PgPool, position: i64) {
    let names: Vec<&str> = projections::all().iter().map(|projection| projection.name()).collect();
    let deadline = Instant::now() + PROJECTIONS_WAIT_MAX;
    while Instant::now() < deadline {
        let passed: Result<bool, sqlx::Error> = sqlx::query_scalar(
            "select count(*) filter (where position >= $2) = cardinality($1::text[])
               from projections.live where name = any ($1)",
        )
        .bind(&names)
        .bind(position)
        .fetch_one(pool)
        .await;
        if matches!(passed, Ok(true)) {
            return;
        }
        tokio::time::sleep(PROJECTIONS_PAUSE).await;
    }
}
