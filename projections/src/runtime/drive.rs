//! Drives one build: reads the log until it meets the shared feed, goes live, follows the feed.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use eventstore::{ANSWER_MAX, FeedItem, RecordedEvent, StreamId, in_time};
use futures::FutureExt;
use tokio::sync::{Notify, broadcast};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::build::{Build, BuildState};
use super::checkpoint::Mark;
use super::failure::Stop;
use super::idle::IdleMove;
use super::page::{self, Page};
use super::{Shared, TRANSACTION_MAX, park, switch};
use crate::Projection;

/// Events applied in one transaction at most, when batches have piled up.
const EVENTS_MAX: usize = 5_000;
/// Making the indexes of the largest tables.
const INDEXES_MAX: Duration = Duration::from_secs(1_800);
/// Whoever has more than this to read waits for a turn, so that many builds at once do not fill
/// the memory with their pages.
pub(super) const FAR_BEHIND: i64 = 20_000;
/// A projection that keeps up rests this many times as long as it works.
const REST: u32 = 4;
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// One build under one lease.
pub(super) struct Drive {
    pub shared: Arc<Shared>,
    pub projection: Arc<dyn Projection>,
    pub build: Build,
    pub token: i64,
    pub cancel: CancellationToken,
    /// Somebody asked for a parked event to be tried or discarded, or one is due.
    pub attention: Arc<Notify>,
    /// Everything up to here is done.
    pub scanned: i64,
    /// The stored checkpoint is here or, if the idle mover was there, further. The worker compares
    /// it with what is stored: a crash of the database takes back what it had not flushed.
    committed: Arc<AtomicI64>,
    pub parked: HashSet<StreamId>,
    pub discarded: HashSet<i64>,
    pub rate: f64,
    /// The next transaction begins no earlier.
    pub rests_until: Instant,
}

impl Drive {
    pub fn new(
        shared: Arc<Shared>,
        projection: Arc<dyn Projection>,
        build: Build,
        token: i64,
        cancel: CancellationToken,
        attention: Arc<Notify>,
        committed: Arc<AtomicI64>,
    ) -> Self {
        Self {
            scanned: build.position,
            committed,
            shared,
            projection,
            build,
            token,
            cancel,
            attention,
            parked: HashSet::new(),
            discarded: HashSet::new(),
            rate: 0.0,
            rests_until: Instant::now(),
        }
    }

    /// Works until it is told to stop or must.
    pub async fn run(mut self) -> Stop {
        match self.work().await {
            Ok(never) => match never {},
            Err(stop) => stop,
        }
    }

    async fn work(&mut self) -> Result<std::convert::Infallible, Stop> {
        self.take_over().await?;
        self.compare_with_log().await?;
        self.retry_parked().await?;
        loop {
            self.catch_up().await?;
            if !self.build.indexes.is_empty() {
                self.make_indexes().await?;
                continue;
            }
            let mut feed = self.shared.feed.listen();
            // What came before we listened.
            self.catch_up().await?;
            if self.build.state == BuildState::Building {
                self.go_live().await?;
            }
            self.follow(&mut feed).await?;
        }
    }

    /// Writes our token into the build's row, after which nobody else's moves count, and makes the
    /// tables if this is the first time.
    async fn take_over(&mut self) -> Result<(), Stop> {
        let mut backoff = Backoff::default();
        loop {
            match in_time(TRANSACTION_MAX, switch::take_over(self)).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(Stop::Fenced),
                Err(error) => self.wait_out(&error, &mut backoff).await?,
            }
        }
    }

    /// After a failover or a restore the log may hold other events below our checkpoint; then the
    /// rows are worth nothing and are made again.
    async fn compare_with_log(&mut self) -> Result<(), Stop> {
        if self.build.diverged {
            return Err(Stop::Retired);
        }
        let Some(known) = self.build.leaf.clone() else {
            return Ok(());
        };
        let mut backoff = Backoff::default();
        let found = loop {
            match page::leaf_at(&self.shared.reader, self.build.position).await {
                Ok(found) => break found,
                Err(error) => self.wait_out(&error, &mut backoff).await?,
            }
        };
        if found.is_some_and(|leaf| leaf[..] == known[..]) {
            return Ok(());
        }
        tracing::error!(
            projection.name = self.build.key.name,
            projection.position = self.build.position,
            "the log no longer holds what {} was built from; it is built again",
            self.build.key,
        );
        let mut backoff = Backoff::default();
        while let Err(error) = in_time(ANSWER_MAX, switch::diverged(self)).await {
            self.wait_out(&error, &mut backoff).await?;
        }
        Err(Stop::Retired)
    }

    /// Reads the log window by window until its end, the next one while this one is applied.
    async fn catch_up(&mut self) -> Result<(), Stop> {
        let shared = Arc::clone(&self.shared);
        let mut turn = None;
        let mut reading = self.read_after(self.scanned, 0);
        loop {
            let page = self.page(&mut reading).await?;
            if page.behind > FAR_BEHIND && turn.is_none() {
                let waited = self.cancel.run_until_cancelled(shared.far_behind.acquire()).await;
                turn = Some(waited.ok_or(Stop::Cancelled)?);
            }
            if page.behind > 0 {
                reading = self.read_after(page.until.position, page.next_window);
            }
            if self.attention.notified().now_or_never().is_some() {
                self.retry_parked().await?;
            }
            let started = Instant::now();
            let before = self.scanned;
            let events: Vec<&RecordedEvent> = page.events.iter().collect();
            self.settle(&events, page.until).await?;
            self.measure(self.scanned - before, started);
            if page.behind == 0 {
                self.rate = 0.0;
                return Ok(());
            }
        }
    }

    fn read_after(&self, after: i64, window: i64) -> Reading {
        let read = page::read(self.shared.reader.clone(), self.projection.sources(), after, window);
        Reading { after, window, task: AbortOnDropHandle::new(tokio::spawn(read)) }
    }

    async fn page(&self, reading: &mut Reading) -> Result<Page, Stop> {
        let mut backoff = Backoff::default();
        loop {
            let read = self.cancel.run_until_cancelled(&mut reading.task).await;
            match read.ok_or(Stop::Cancelled)? {
                Ok(Ok(page)) => return Ok(page),
                Ok(Err(error)) => self.wait_out(&error, &mut backoff).await?,
                Err(error) => self.wait_out(&error, &mut backoff).await?,
            }
            *reading = self.read_after(reading.after, reading.window);
        }
    }

    /// Applies what the feed brings. Returns when it fell behind the feed or must look at the log.
    async fn follow(&mut self, feed: &mut broadcast::Receiver<FeedItem>) -> Result<(), Stop> {
        loop {
            let item = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(Stop::Cancelled),
                // Before the feed, which under load always has something.
                () = self.attention.notified() => {
                    self.retry_parked().await?;
                    continue;
                }
                item = feed.recv() => item,
            };
            tokio::time::sleep_until(self.rests_until).await;
            let mut batches = Vec::new();
            match item {
                Ok(FeedItem::Batch(batch)) => batches.push(batch),
                Ok(FeedItem::Restarted) => return self.compare_with_log().await,
                // Behind the feed, or the program is ending and says so by `cancel`.
                Err(_) => return Ok(()),
            }
            let mut restarted = false;
            while batches.iter().map(|batch| batch.len()).sum::<usize>() < EVENTS_MAX {
                match feed.try_recv() {
                    Ok(FeedItem::Batch(batch)) => batches.push(batch),
                    Ok(FeedItem::Restarted) => {
                        restarted = true;
                        break;
                    }
                    Err(_) => break,
                }
            }
            if !self.follow_batches(&batches).await? {
                return Ok(());
            }
            if restarted {
                return self.compare_with_log().await;
            }
        }
    }

    /// False if events are missing before these.
    async fn follow_batches(&mut self, batches: &[Arc<Vec<RecordedEvent>>]) -> Result<bool, Stop> {
        let new = batches
            .iter()
            .flat_map(|batch| batch.iter())
            .skip_while(|event| event.position <= self.scanned);
        let events: Vec<&RecordedEvent> = new.collect();
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            return Ok(true);
        };
        if first.position != self.scanned + 1
            || last.position - first.position + 1 != i64::try_from(events.len()).unwrap_or(0)
        {
            return Ok(false);
        }
        let until = Mark { position: last.position, leaf: Some(last.leaf()) };
        self.settle(&events, until).await?;
        if self.build.state == BuildState::Building {
            self.go_live().await?;
        }
        Ok(true)
    }

    /// Busy times make bigger batches, not more commits: after a transaction comes a rest, the
    /// longer the longer it took.
    pub fn rest_after(&mut self, took: Duration) {
        let rest = (REST * took).max(self.shared.options.batch_interval);
        self.rests_until = Instant::now() + rest;
    }

    /// Nothing of ours up to there: the checkpoint moves with those of the other idle ones.
    pub fn idle_until(&mut self, until: Mark) {
        self.remember(until);
        let step = IdleMove { token: self.token, from: self.committed(), to: until };
        self.shared.idle.note(&self.build.key, step);
    }

    pub fn committed(&self) -> i64 {
        self.committed.load(Ordering::SeqCst)
    }

    /// The stored checkpoint is there.
    pub fn commit_at(&self, position: i64) {
        self.committed.store(position, Ordering::SeqCst);
    }

    /// For [`Drive::compare_with_log`], should the log be another one the next time we look.
    pub fn remember(&mut self, mark: Mark) {
        self.scanned = mark.position;
        self.build.position = mark.position;
        self.build.leaf = mark.leaf.map(Vec::from);
    }

    /// Where this build stands.
    pub fn here(&self) -> Mark {
        let leaf = self.build.leaf.as_deref().and_then(|leaf| leaf.try_into().ok());
        Mark { position: self.scanned, leaf }
    }

    fn measure(&mut self, positions: i64, started: Instant) {
        let seconds = started.elapsed().as_secs_f64().max(0.001);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
        let now = positions as f64 / seconds;
        self.rate = if self.rate > 0.0 { 0.8 * self.rate + 0.2 * now } else { now };
    }

    async fn make_indexes(&mut self) -> Result<(), Stop> {
        let mut backoff = Backoff::default();
        loop {
            match in_time(INDEXES_MAX, switch::make_indexes(self)).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(Stop::Fenced),
                Err(error) => self.wait_out(&error, &mut backoff).await?,
            }
        }
    }

    async fn go_live(&mut self) -> Result<(), Stop> {
        let mut backoff = Backoff::default();
        loop {
            match in_time(TRANSACTION_MAX, switch::go_live(self)).await {
                Ok(switch::Outcome::Live) => {
                    self.build.state = BuildState::Live;
                    return Ok(());
                }
                Ok(switch::Outcome::NotYet) => return Ok(()),
                Ok(switch::Outcome::Superseded) => return Err(Stop::Retired),
                Ok(switch::Outcome::Fenced) => return Err(Stop::Fenced),
                Err(error) => self.wait_out(&error, &mut backoff).await?,
            }
        }
    }

    async fn retry_parked(&mut self) -> Result<(), Stop> {
        let mut backoff = Backoff::default();
        loop {
            match park::tend(self).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(Stop::Fenced),
                Err(error) => self.wait_out(&error, &mut backoff).await?,
            }
        }
    }

    /// Shows the failure and waits before the next attempt.
    pub async fn wait_out(
        &self,
        error: &(dyn std::error::Error + Sync),
        backoff: &mut Backoff,
    ) -> Result<(), Stop> {
        let wait = backoff.next();
        tracing::warn!(
            projection.name = self.build.key.name,
            projection.position = self.scanned,
            error = %error,
            "{} cannot go on and tries again in {} ms", self.build.key, wait.as_millis(),
        );
        super::status::report_failure(&self.shared.pool, &self.build.key, self.token, error).await;
        let waited = self.cancel.run_until_cancelled(tokio::time::sleep(wait)).await;
        waited.ok_or(Stop::Cancelled)
    }
}

struct Reading {
    after: i64,
    window: i64,
    task: AbortOnDropHandle<Result<Page, sqlx::Error>>,
}

/// Waits that double up to a limit.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    fn next(&mut self) -> Duration {
        let wait = BACKOFF_MIN * 2_u32.pow(self.attempts.min(10));
        self.attempts += 1;
        wait.min(BACKOFF_MAX)
    }
}
