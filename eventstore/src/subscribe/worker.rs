//! The task behind a subscription: the log in pages, then the stream, then the log again.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::follow::Left;
use super::outbox::{BATCH_BYTES_MAX, BATCH_MAX, Closed, Outbox, bytes_of};
use super::{Batch, SubscribeError, page_after};
use crate::bus::{Backoff, Bus};
use crate::{Reader, Tail};

/// The first page, before it is known how large events are.
const FIRST_PAGE: usize = 64;
const PAGE_MIN: usize = 16;
/// How long to wait for the log to grow before looking for oneself.
const TAIL_PATIENCE: Duration = Duration::from_secs(1);
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MOST: Duration = Duration::from_secs(3);

/// Why the worker cannot go on from here.
#[derive(Debug)]
pub(super) enum Stop {
    /// The log is not the one the delivered events came from.
    Diverged,
    /// Nobody listens any more.
    Closed,
    /// The database is away; it is waited for.
    Log(sqlx::Error),
}

impl From<Closed> for Stop {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Log(error)
    }
}

pub(super) struct Worker {
    pub(super) reader: Reader,
    pub(super) bus: Option<Bus>,
    pub(super) outbox: Outbox,
    /// How many events to read at once so that a page stays near the limit in bytes.
    page: usize,
    tail: Option<Tail>,
    /// When the stream may be tried again, and how long to wait after the next failure.
    retry_at: Instant,
    retry: Backoff,
}

impl Worker {
    pub(super) fn new(
        reader: Reader,
        bus: Option<Bus>,
        from: i64,
        sender: mpsc::Sender<Batch>,
    ) -> Self {
        Self {
            reader,
            bus,
            outbox: Outbox::new(from + 1, sender),
            page: FIRST_PAGE,
            tail: None,
            retry_at: Instant::now(),
            retry: Backoff::new(BACKOFF_FIRST, BACKOFF_MOST),
        }
    }

    /// Runs until the subscription is dropped or cannot be continued.
    pub(super) async fn run(mut self) -> SubscribeError {
        let mut backoff = Backoff::new(BACKOFF_FIRST, BACKOFF_MOST);
        loop {
            let before = self.outbox.next();
            let Err(stop) = self.deliver().await;
            match stop {
                Stop::Closed => return SubscribeError::Stopped,
                Stop::Diverged => {
                    let position = self.outbox.next() - 1;
                    return SubscribeError::Diverged { position };
                }
                Stop::Log(error) => {
                    if self.outbox.next() > before {
                        backoff.reset();
                    }
                    tracing::warn!("subscription waits for the log: {error}");
                    self.tail = None;
                    tokio::time::sleep(backoff.delay()).await;
                    if self.outbox.is_closed() {
                        return SubscribeError::Stopped;
                    }
                }
            }
        }
    }

    async fn deliver(&mut self) -> Result<Infallible, Stop> {
        loop {
            self.read_to_the_end().await?;
            if !self.may_follow() {
                self.wait_for_more().await?;
                continue;
            }
            if let Left::Broken(reason) = self.follow().await? {
                tracing::debug!("subscription leaves the stream: {reason}");
                self.retry_at = Instant::now() + self.retry.delay();
            }
        }
    }

    /// The stream works: its next failure is the first again, and no other wake-up is needed.
    pub(super) fn stream_works(&mut self) {
        self.retry.reset();
        self.tail = None;
    }

    fn may_follow(&self) -> bool {
        self.bus.as_ref().is_some_and(Bus::is_connected) && Instant::now() >= self.retry_at
    }

    /// Delivers everything the log holds now, in pages as large as memory allows.
    async fn read_to_the_end(&mut self) -> Result<(), Stop> {
        loop {
            self.outbox.flush().await?;
            let asked = self.page;
            if self.read_page(i64::MAX).await? < asked {
                return Ok(self.outbox.flush().await?);
            }
        }
    }

    /// Delivers what the log holds from the next position up to `until`; false if it ends before.
    pub(super) async fn read_until(&mut self, until: i64) -> Result<bool, Stop> {
        while self.outbox.next() <= until {
            if self.outbox.is_full() {
                self.outbox.flush().await?;
            }
            if self.read_page(until).await? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes one page of the log up to a position; gives how many events it had.
    pub(super) async fn read_page(&mut self, until: i64) -> Result<usize, Stop> {
        let page = page_after(&self.reader, self.outbox.last(), until, self.page).await?;
        let page = page.ok_or(Stop::Diverged)?;
        let events = page.len();
        if events > 0 {
            let bytes: usize = page.iter().map(bytes_of).sum();
            let fitting = (BATCH_BYTES_MAX * events / bytes).clamp(PAGE_MIN, BATCH_MAX);
            self.page = fitting.min(self.page * 4);
        }
        for event in page {
            self.outbox.push(event);
        }
        Ok(events)
    }

    /// Without the stream: waits for the log to grow, or until the stream may be tried again.
    async fn wait_for_more(&mut self) -> Result<(), Stop> {
        let patience = match &self.bus {
            Some(bus) if bus.is_connected() => self.retry_at - Instant::now(),
            _ => TAIL_PATIENCE,
        };
        let mut tail = match self.tail.take() {
            Some(tail) => tail,
            None => self.reader.tail().await?,
        };
        let known = self.outbox.next() - 1;
        let head = tail.wait_past(known, patience.min(TAIL_PATIENCE)).await?;
        self.tail = Some(tail);
        if head < known { Err(Stop::Diverged) } else { Ok(()) }
    }
}
