//! Following the stream with an ordered consumer, by the rule of the parent module.
//!
//! Ordered means here what JetStream's ordered consumer means: in memory, one replica, ephemeral,
//! without acknowledgements, and made anew from the next position whenever anything is odd. It is
//! not the client's own because a gap is filled from the log, not by asking the stream again.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures::StreamExt;
use tokio::time::Instant;

use super::outbox::BATCH_MAX;
use super::worker::{Stop, Worker};
use crate::RecordedEvent;
use crate::bus::{Bus, BusError};

/// After this long without an event the log is asked where it ends.
const SILENCE_MAX: Duration = Duration::from_millis(500);
/// With more messages than this before it, a subscriber reads the log instead.
const BEHIND_MAX: i64 = 2 * BATCH_MAX as i64;
/// Messages under way to this process.
const PULL_MAX: usize = 500;
const PULL_TIME_MAX: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long the server keeps a consumer that nobody reads.
const CONSUMER_IDLE_MAX: Duration = Duration::from_secs(30);

/// Why a subscription left the stream for the log.
#[derive(Debug)]
pub(super) enum Left {
    FarBehind,
    Broken(String),
}

impl Worker {
    /// Delivers from the stream until it cannot be relied on or is not worth it.
    pub(super) async fn follow(&mut self) -> Result<Left, Stop> {
        let Some(bus) = self.bus.clone() else {
            return Ok(Left::Broken("there is no bus".into()));
        };
        let (consumer, mut messages) = match bus.consume(self.outbox.next()).await {
            Ok(opened) => opened,
            Err(error) => return Ok(Left::Broken(error.to_string())),
        };
        let left = self.follow_messages(&bus, &mut messages).await;
        drop(messages);
        bus.forget(&consumer);
        left
    }

    async fn follow_messages(
        &mut self,
        bus: &Bus,
        messages: &mut pull::Stream,
    ) -> Result<Left, Stop> {
        let mut proven = false;
        let mut stands_still = false;
        let mut silence = Instant::now() + SILENCE_MAX;
        loop {
            tokio::select! {
                flushed = self.outbox.flush(), if !self.outbox.is_empty() => {
                    flushed?;
                    silence = Instant::now() + SILENCE_MAX;
                }
                message = messages.next(), if !self.outbox.is_full() => {
                    let message = match message {
                        Some(Ok(message)) => message,
                        Some(Err(error)) => return Ok(Left::Broken(error.to_string())),
                        None => return Ok(Left::Broken("the consumer ended".into())),
                    };
                    let next = self.outbox.next();
                    let last = match self.receive(&message, &mut proven).await? {
                        Ok(last) => last,
                        Err(reason) => return Ok(Left::Broken(reason)),
                    };
                    if last - self.outbox.next() > BEHIND_MAX {
                        return Ok(Left::FarBehind);
                    }
                    if self.outbox.next() > next {
                        stands_still = false;
                        self.stream_works();
                    }
                }
                () = tokio::time::sleep_until(silence), if self.outbox.is_empty() => {
                    if !bus.is_connected() {
                        return Ok(Left::Broken("NATS is away".into()));
                    }
                    let behind = self.read_page(i64::MAX).await? > 0;
                    // Once is a lost message, twice is a stream that nobody feeds.
                    if behind && stands_still {
                        return Ok(Left::Broken("the stream stands still".into()));
                    }
                    stands_still = behind;
                    silence = Instant::now() + SILENCE_MAX;
                }
            }
        }
    }

    /// The rule for one message. Gives where the stream ends, or why it is not to be believed.
    async fn receive(
        &mut self,
        message: &jetstream::Message,
        proven: &mut bool,
    ) -> Result<Result<i64, String>, Stop> {
        let (place, last) = match message.info() {
            Ok(info) => (info.stream_sequence, info.stream_sequence + info.pending),
            Err(error) => return Ok(Err(error.to_string())),
        };
        let (place, last) = (place.cast_signed(), last.cast_signed());
        if place < self.outbox.next() {
            return Ok(Ok(last));
        }
        let decoded = crate::bus::decode(place, message.headers.as_ref(), &message.payload);
        if let (Ok(published), false) = (&decoded, *proven) {
            let recorded = self.reader.range(place - 1, place, 1).await?;
            if recorded.first().map(RecordedEvent::leaf) != Some(published.leaf()) {
                return Ok(Err(format!("it holds another event than the log at {place}")));
            }
            *proven = true;
        }
        let gap_until = if decoded.is_ok() { place - 1 } else { place };
        if let Err(error) = &decoded {
            tracing::debug!("message {place} is replaced by the log's event: {error}");
        }
        if !self.read_gap(gap_until).await? {
            return Ok(Err(format!("it goes on to {place}, the log does not")));
        }
        if let Ok(event) = decoded {
            self.outbox.push(event);
        }
        Ok(Ok(last))
    }

    /// Delivers from the log what the stream left out up to a position.
    async fn read_gap(&mut self, until: i64) -> Result<bool, Stop> {
        let missed = until - self.outbox.next() + 1;
        if missed <= 0 {
            return Ok(true);
        }
        tracing::debug!("the stream left out {missed} events up to {until}, reading the log");
        metrics::counter!("daybook_subscription_gap_events_total").increment(missed.unsigned_abs());
        self.read_until(until).await
    }
}

impl Bus {
    /// An ordered consumer of everything from a position on.
    async fn consume(&self, next: i64) -> Result<(String, pull::Stream), BusError> {
        self.check_connected()?;
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: next.unsigned_abs() },
            ack_policy: AckPolicy::None,
            max_deliver: 1,
            num_replicas: 1,
            memory_storage: true,
            inactive_threshold: CONSUMER_IDLE_MAX,
            ..pull::Config::default()
        };
        let consumer =
            self.context().create_consumer_on_stream(config.clone(), self.stream_name()).await?;
        let found = &consumer.cached_info().config;
        if found.deliver_policy != config.deliver_policy || found.ack_policy != config.ack_policy {
            return Err(BusError::CreatedOtherwise("the consumer differs".into()));
        }
        let messages = consumer
            .stream()
            .max_messages_per_batch(PULL_MAX)
            .expires(PULL_TIME_MAX)
            .heartbeat(HEARTBEAT)
            .messages()
            .await?;
        Ok((consumer.cached_info().name.clone(), messages))
    }

    /// Deletes a consumer in the background; the server would do so by itself a little later.
    fn forget(&self, consumer: &str) {
        if !self.is_connected() {
            return;
        }
        let (bus, consumer) = (self.clone(), consumer.to_owned());
        tokio::spawn(async move {
            bus.context().delete_consumer_from_stream(&consumer, bus.stream_name()).await.ok();
        });
    }
}
