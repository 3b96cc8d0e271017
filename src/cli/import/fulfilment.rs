//! Orders that were placed are also fulfilled, whether or not `daybook up` is running.
//!
//! The processes run here too while an import places orders. Where another program has its turn,
//! they wait for theirs, and that program does the work.

use std::time::Duration;

use anyhow::Context as _;
use eventstore::{Feed, Log};
use indicatif::{ProgressBar, ProgressDrawTarget};
use processes::Providers;
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Without any progress for so long, there is no use in waiting: the next `up` goes on.
const STALLED_AFTER: Duration = Duration::from_secs(60);

pub struct Fulfilment {
    log: Log,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

impl Fulfilment {
    /// With the providers of any other program: it may be orders of today whose turn we have.
    pub fn start(log: Log, providers: Providers) -> Self {
        let shutdown = CancellationToken::new();
        let feed = Feed::new(log.reader().clone(), None);
        let running = tokio::spawn(processes::run(log.clone(), feed, providers, shutdown.clone()));
        Self { log, shutdown, running }
    }

    /// Waits until every order placed so far is decided; answers whether it is.
    pub async fn finish(self, quiet: bool) -> anyhow::Result<bool> {
        let target = self.log.reader().head().await?;
        let started = Instant::now();
        let mut last = (self.position().await?, Instant::now());
        let hidden = ProgressDrawTarget::hidden();
        let shown = if quiet { hidden } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(target.unsigned_abs()), shown);
        bar.set_prefix("fulfilment");
        while last.0 < target && last.1.elapsed() < STALLED_AFTER {
            bar.set_position(last.0.unsigned_abs());
            tokio::time::sleep(LOOK_EVERY).await;
            let position = self.position().await?;
            if position > last.0 {
                last = (position, Instant::now());
            }
        }
        bar.finish_and_clear();
        self.shutdown.cancel();
        self.running.await.context("the processes ended badly")?;
        if !quiet {
            eprintln!(
                "fulfilment: up to position {} in {:.1} s",
                last.0,
                started.elapsed().as_secs_f64()
            );
        }
        let parked = processes::parked(self.log.pool()).await?;
        Ok(last.0 >= target && parked.is_empty())
    }

    async fn position(&self) -> Result<i64, sqlx::Error> {
        position(&self.log, "fulfilment").await
    }
}

/// Up to where nothing is left to do for that process.
pub async fn position(log: &Log, process: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select position from processes.checkpoints where name = $1")
        .bind(process)
        .fetch_one(log.pool())
        .await
}
