//! Publishing the log to the stream, in order, for ever.
//!
//! Any number of relays may run. Each message says which one must be before it, so of two relays
//! that publish the same event one is refused, and neither can skip or repeat a place. The refused
//! one stands by until the stream stops following the log.

use std::convert::Infallible;
use std::time::Duration;

use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{Backoff, Bus, BusError, Message};
use crate::Reader;
use crate::subscribe::{Place, page_after};

/// Messages sent and not yet acknowledged.
const IN_FLIGHT_MAX: usize = 512;
/// Events read at once.
const PAGE_MAX: usize = 500;
/// Pages read before they can be sent.
const PAGES_AHEAD_MAX: usize = 2;
/// How long to wait for the log to grow before looking for oneself.
const TAIL_PATIENCE: Duration = Duration::from_secs(1);
/// A stream that stands still this long although the log is ahead of it has no relay.
const STANDBY: Duration = Duration::from_millis(400);
const BACKOFF_FIRST: Duration = Duration::from_millis(50);
const BACKOFF_MOST: Duration = Duration::from_secs(2);

/// Why publishing was interrupted. Each time the stream is asked again where it stands.
#[derive(Debug, thiserror::Error)]
enum Interruption {
    #[error("another relay publishes to this stream")]
    OtherRelay,
    #[error("position {position} was acknowledged as sequence {sequence}")]
    Misplaced { position: i64, sequence: u64 },
    #[error("the log no longer holds what was published up to position {0}")]
    LogReplaced(i64),
    #[error("the other half of the relay ended")]
    Ended,
    #[error(transparent)]
    Bus(#[from] BusError),
}

impl From<PublishError> for Interruption {
    fn from(error: PublishError) -> Self {
        match error.kind() {
            PublishErrorKind::WrongLastSequence => Self::OtherRelay,
            _ => Self::Bus(error.into()),
        }
    }
}

impl From<sqlx::Error> for Interruption {
    fn from(error: sqlx::Error) -> Self {
        Self::Bus(error.into())
    }
}

/// Publishes every event of the log to the bus's stream until told to stop.
///
/// Nothing that happens to NATS or to the database ends it: what is in flight is dropped, the
/// stream is asked for its last sequence, and it goes on from there.
pub async fn relay(reader: Reader, bus: Bus, shutdown: CancellationToken) {
    let relay = Relay { reader, bus };
    tokio::select! {
        () = shutdown.cancelled() => {}
        never = relay.run() => match never {},
    }
}

struct Relay {
    reader: Reader,
    bus: Bus,
}

impl Relay {
    async fn run(&self) -> Infallible {
        let mut backoff = Backoff::new(BACKOFF_FIRST, BACKOFF_MOST);
        let mut last_reason = String::new();
        loop {
            let Err(interruption) = self.publish_on(&mut backoff).await;
            let reason = interruption.to_string();
            let other_relay = matches!(interruption, Interruption::OtherRelay);
            if other_relay {
                tracing::debug!(nats.stream = self.bus.stream_name(), "relay stands by: {reason}");
            } else if backoff.is_fresh() || reason != last_reason {
                tracing::warn!(nats.stream = self.bus.stream_name(), "relay interrupted: {reason}");
            }
            metrics::counter!("daybook_relay_interruptions_total").increment(1);
            last_reason = reason;
            tokio::time::sleep(backoff.delay()).await;
            if other_relay {
                self.stand_by().await;
            }
        }
    }

    /// Publishes from wherever the stream stands.
    async fn publish_on(&self, backoff: &mut Backoff) -> Result<Infallible, Interruption> {
        let published = self.bus.ensure_stream(&self.reader).await?;
        metrics::gauge!("daybook_relay_position").set(published as f64);
        let (pages, mut read) = mpsc::channel(PAGES_AHEAD_MAX);
        let (sent, in_flight) = mpsc::channel(IN_FLIGHT_MAX);
        let reading = read_ahead(self.reader.clone(), self.bus.clone(), published, pages);
        let _reading = AbortOnDropHandle::new(tokio::spawn(reading));
        tokio::select! {
            interrupted = self.send(&mut read, sent) => interrupted,
            interrupted = settle(in_flight, backoff) => interrupted,
        }
    }

    /// Sends what was read, as long as there is room for one more in flight.
    async fn send(
        &self,
        pages: &mut mpsc::Receiver<Result<Vec<Message>, Interruption>>,
        in_flight: mpsc::Sender<(i64, PublishAckFuture)>,
    ) -> Result<Infallible, Interruption> {
        loop {
            let page = pages.recv().await.ok_or(Interruption::Ended)??;
            for message in page {
                let room = in_flight.reserve().await.map_err(|_| Interruption::Ended)?;
                let position = message.position;
                room.send((position, self.bus.publish(message).await?));
            }
        }
    }

    /// Returns when nobody else seems to publish. Errors end it too: the next attempt meets them.
    async fn stand_by(&self) {
        let mut seen = None;
        loop {
            let stands = tokio::try_join!(self.bus.last_sequence(), async {
                self.reader.head().await.map_err(BusError::from)
            });
            let Ok((Some(last), head)) = stands else {
                return;
            };
            metrics::gauge!("daybook_relay_position").set(last as f64);
            metrics::gauge!("daybook_log_head").set(head as f64);
            if last > head || seen.is_some_and(|(before, behind)| behind && before == last) {
                return;
            }
            seen = Some((last, last < head));
            tokio::time::sleep(STANDBY.mul_f64(rand::random_range(1.0..=1.5))).await;
        }
    }
}

/// Takes acknowledgements in order; one counts only if the event is stored in its own place.
async fn settle(
    mut in_flight: mpsc::Receiver<(i64, PublishAckFuture)>,
    backoff: &mut Backoff,
) -> Result<Infallible, Interruption> {
    let reached = metrics::gauge!("daybook_relay_position");
    while let Some((position, ack)) = in_flight.recv().await {
        let sequence = ack.await?.sequence;
        if sequence != position.unsigned_abs() {
            return Err(Interruption::Misplaced { position, sequence });
        }
        backoff.reset();
        reached.set(position as f64);
    }
    Err(Interruption::Ended)
}

/// Reads the log from a position on, and makes it ready for NATS, while what was read before is on
/// its way there.
async fn read_ahead(
    reader: Reader,
    bus: Bus,
    after: i64,
    pages: mpsc::Sender<Result<Vec<Message>, Interruption>>,
) {
    let Err(interruption) = read_pages(reader, bus, after, &pages).await;
    // Nobody listens any more only if publishing was interrupted already.
    pages.send(Err(interruption)).await.ok();
}

async fn read_pages(
    reader: Reader,
    bus: Bus,
    after: i64,
    pages: &mpsc::Sender<Result<Vec<Message>, Interruption>>,
) -> Result<Infallible, Interruption> {
    let mut tail = reader.tail().await?;
    let mut place = Place { position: after, leaf: None };
    loop {
        let page = page_after(&reader, place, i64::MAX, PAGE_MAX).await?;
        let page = page.ok_or(Interruption::LogReplaced(place.position))?;
        if let Some(last) = page.last() {
            place = Place { position: last.position, leaf: Some(last.leaf()) };
            let messages = page.into_iter().map(|event| bus.message(event)).collect();
            pages.send(Ok(messages)).await.map_err(|_| Interruption::Ended)?;
            continue;
        }
        let head = tail.wait_past(place.position, TAIL_PATIENCE).await?;
        metrics::gauge!("daybook_log_head").set(head as f64);
    }
}
