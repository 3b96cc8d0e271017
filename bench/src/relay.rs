//! The way from the log to JetStream, beside a program that only publishes.
//!
//! Ours reads the log and puts every event in its own place of a stream in files, checking each
//! acknowledgement. The references publish the very same messages, made beforehand and held in
//! memory, into streams of the same settings, with different numbers of them under way; they check
//! nothing but that they were acknowledged.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::{self, message::PublishMessage};
use async_nats::{ConnectOptions, ServerAddr};
use eventstore::bus::Message;
use eventstore::{Bus, BusOptions, Reader};
use local_services::Services;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{Contender, Goal, Options, Report, Server, alternate, history};

const EVENTS: i64 = 200_000;
const CONNECTIONS: usize = 5;
/// Messages under way: the best of these is the reference that counts.
const WINDOWS: [usize; 3] = [256, 512, 2_048];
/// The server sets aside what a stream may take: all of them must fit, and all events in each.
const STREAM_BYTES: i64 = 512 << 20;
/// Between two looks whether all is there: each costs the servers a question, which the references
/// are not asked.
const LOOK: Duration = Duration::from_millis(20);
const RATIO: f64 = 0.7;

pub async fn run(options: &Options) -> anyhow::Result<Vec<Report>> {
    let server = Server::start(options).await?;
    let pool = server.database("relay").await?.pool(CONNECTIONS).await?;
    eventstore::migrate(&pool).await?;
    let nats = tokio::task::spawn_blocking(start_nats).await??;
    let url = nats.nats_url().with_context(|| missing(&nats))?;
    let (mut ours, mut references) = contenders(options, &pool, &url).await?;
    history::write(&pool, options.events.unwrap_or(EVENTS)).await?;
    ours.head = Reader::new(pool.clone()).head().await?;
    server.settle().await?;
    let rounds = alternate(options, &mut ours, &mut references).await?;

    let settings = format!("{} events in the log, file storage", ours.head);
    let mut report = Report::of("relay", settings, "events/s", server.machine(), rounds);
    let best = report.ratio.values().copied().fold(f64::INFINITY, f64::min);
    report.goals.push(Goal::at_least("of the best bare loop", RATIO, best));
    Ok(vec![report])
}

fn start_nats() -> Result<Services, local_services::Error> {
    // A nats-server that has to be fetched is kept where tests keep it.
    let testing = local_services::testing::options();
    local_services::start(&local_services::Options { postgres: false, ..testing })
}

fn missing(nats: &Services) -> String {
    format!("no nats-server: {}", nats.nats_missing().unwrap_or("none was started"))
}

/// With a stream for every turn, made while the log is empty: later ones would begin near its end.
async fn contenders(
    options: &Options,
    pool: &PgPool,
    url: &str,
) -> anyhow::Result<(Relay, Vec<Publisher>)> {
    let reader = Reader::new(pool.clone());
    let mut streams = Vec::new();
    for number in 0..options.rounds * (1 + WINDOWS.len()) {
        let stream = BusOptions {
            stream: format!("BENCH_{number}"),
            stream_bytes_max: STREAM_BYTES,
            ..BusOptions::default()
        };
        let bus = Bus::connect_with(url, stream).await?;
        let relaying = relay(&reader, &bus);
        while !matches!(bus.status(&reader).await, Ok(Some(_))) {
            tokio::time::sleep(LOOK).await;
        }
        relaying.cancel();
        streams.push(bus);
    }
    let mut streams = streams.into_iter();
    let ours = streams.by_ref().take(options.rounds).collect();
    let server: ServerAddr = url.parse()?;
    let mut publishers = Vec::new();
    for window in WINDOWS {
        let streams = streams.by_ref().take(options.rounds).collect();
        let name = format!("bare loop, {window} in flight");
        let server = server.clone();
        publishers.push(Publisher { name, server, reader: reader.clone(), streams, window });
    }
    Ok((Relay { reader, streams: ours, head: 0 }, publishers))
}

fn relay(reader: &Reader, bus: &Bus) -> CancellationToken {
    let shutdown = CancellationToken::new();
    tokio::spawn(eventstore::relay(reader.clone(), bus.clone(), shutdown.clone()));
    shutdown
}

/// Ours, into a stream of its own each time.
struct Relay {
    reader: Reader,
    streams: Vec<Bus>,
    head: i64,
}

impl Contender for Relay {
    fn name(&self) -> &str {
        "daybook"
    }

    /// However long it takes.
    async fn work(&mut self, _: Duration) -> anyhow::Result<f64> {
        let bus = self.streams.pop().context("a stream for every round")?;
        let started = Instant::now();
        let relaying = relay(&self.reader, &bus).drop_guard();
        loop {
            match bus.status(&self.reader).await? {
                Some(status) if status.last == self.head => break,
                _ => tokio::time::sleep(LOOK).await,
            }
        }
        let rate = rate(self.head, started);
        drop(relaying);
        bus.delete_stream().await?;
        Ok(rate)
    }
}

/// Publishes what it has in memory and waits for the acknowledgements, so many at a time.
struct Publisher {
    name: String,
    server: ServerAddr,
    reader: Reader,
    streams: Vec<Bus>,
    window: usize,
}

impl Publisher {
    /// Every message of the log, as ours would publish it.
    async fn messages(&self, bus: &Bus) -> anyhow::Result<Vec<Message>> {
        let mut messages = Vec::new();
        loop {
            let after = i64::try_from(messages.len())?;
            let page = self.reader.page(after, 10_000).await?;
            if page.is_empty() {
                return Ok(messages);
            }
            messages.extend(page.into_iter().map(|event| bus.message(event)));
        }
    }

    async fn connect(&self) -> anyhow::Result<jetstream::Context> {
        let login = match (self.server.username(), self.server.password()) {
            (Some(user), Some(password)) => {
                ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
            }
            _ => ConnectOptions::new(),
        };
        Ok(jetstream::new(login.connect(self.server.clone()).await?))
    }
}

impl Contender for Publisher {
    fn name(&self) -> &str {
        &self.name
    }

    async fn work(&mut self, _: Duration) -> anyhow::Result<f64> {
        let bus = self.streams.pop().context("a stream for every round")?;
        let messages = self.messages(&bus).await?;
        let count = i64::try_from(messages.len())?;
        let context = self.connect().await?;
        let started = Instant::now();
        let mut in_flight: VecDeque<PublishAckFuture> = VecDeque::with_capacity(self.window);
        for message in messages {
            if in_flight.len() == self.window
                && let Some(oldest) = in_flight.pop_front()
            {
                oldest.await?;
            }
            let publish = PublishMessage::build().headers(message.headers).payload(message.body);
            in_flight.push_back(context.send_publish(message.subject, publish).await?);
        }
        for acked in in_flight {
            acked.await?;
        }
        let rate = rate(count, started);
        let stored = bus.status(&self.reader).await?.map(|status| status.messages);
        ensure!(stored == Some(count.unsigned_abs()), "{stored:?} of {count} were stored");
        bus.delete_stream().await?;
        Ok(rate)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of events are far below 2^53")]
fn rate(events: i64, since: Instant) -> f64 {
    events as f64 / since.elapsed().as_secs_f64()
}
