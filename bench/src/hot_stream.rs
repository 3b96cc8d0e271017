//! Many committers on one stream, as on the stock of a best-seller: every command is decided on what
//! those before it made of it, and sent again until it is accepted. Afterwards the log is asked
//! whether each accepted command is in it, once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::Utc;
use domain::stock::{Command, Stock};
use domain::{ProductId, Quantity};
use eventstore::{Context, ExecuteError, Log, StreamId};
use uuid::Uuid;

use crate::database::{Database, Server};
use crate::{Contender, Goal, Latency, Options, Report, alternate, committers};

const COMMITTERS: usize = 64;
const PAGE_EVENTS: i64 = 1_000;

pub async fn run(options: &Options) -> anyhow::Result<Vec<Report>> {
    let committers = options.clients.unwrap_or(COMMITTERS);
    let alone = measure(options, committers, 1).await?;
    let beside_another = measure(options, committers, 2).await?;
    Ok(vec![alone, beside_another])
}

/// With so many logs on one database: to the database each of them is a process of its own.
async fn measure(options: &Options, committers: usize, logs: usize) -> anyhow::Result<Report> {
    let server = Server::start(options).await?.without_autovacuum().await?;
    let mut stream = HotStream::start(&server, committers, logs).await?;
    let rounds = alternate(options, &mut stream, &mut [] as &mut [HotStream]).await?;
    let settings = match logs {
        1 => format!("{committers} committers on one stream"),
        _ => format!("{committers} committers on one stream, in {logs} processes"),
    };
    let mut report = Report::of("hot-stream", settings, "accepted/s", server.machine(), rounds);
    report.latency_ms = Latency::of(stream.latencies_ms);
    report.goals = vec![Goal::at_least("accepted/s", 500.0, report.ours)];
    report.notes = vec![format!(
        "{} accepted, none lost, none twice; {} were sent again",
        stream.accepted,
        stream.sent_again.load(Ordering::Relaxed)
    )];
    Ok(report)
}

struct HotStream {
    database: Database,
    logs: Vec<Log>,
    committers: usize,
    latencies_ms: Vec<f64>,
    accepted: usize,
    sent_again: Arc<AtomicUsize>,
}

impl HotStream {
    async fn start(server: &Server, committers: usize, logs: usize) -> anyhow::Result<Self> {
        let database = server.migrated("hot_stream").await?;
        let mut opened = Vec::with_capacity(logs);
        for _ in 0..logs {
            opened.push(database.log().await?);
        }
        Ok(Self {
            database,
            logs: opened,
            committers,
            latencies_ms: Vec::new(),
            accepted: 0,
            sent_again: Arc::default(),
        })
    }
}

impl Contender for HotStream {
    fn name(&self) -> &str {
        "daybook"
    }

    /// A turn has a stream of its own, as long as the turn makes it.
    async fn work(&mut self, round: Duration) -> anyhow::Result<f64> {
        let product = ProductId::new(Uuid::new_v4());
        let accepted = Arc::new(Mutex::new(Vec::new()));
        let (logs, sent_again) = (self.logs.clone(), self.sent_again.clone());
        let (next, keep) = (Arc::new(AtomicUsize::new(0)), accepted.clone());
        let done = committers::work(self.committers, round, move || {
            let log = logs[next.fetch_add(1, Ordering::Relaxed) % logs.len()].clone();
            let (keep, sent_again) = (keep.clone(), sent_again.clone());
            async move {
                let key = receive_one(&log, product, &sent_again).await?;
                keep.lock().unwrap_or_else(PoisonError::into_inner).push(key);
                Ok(1)
            }
        })
        .await?;
        let accepted =
            std::mem::take(&mut *accepted.lock().unwrap_or_else(PoisonError::into_inner));
        self.accepted += accepted.len();
        self.latencies_ms.extend(done.latencies_ms);
        // Another log: these have read the stream already.
        none_is_lost(&self.database.log().await?, product, accepted).await?;
        self.database.tidy("eventstore.events, eventstore.commits, eventstore.commands").await?;
        Ok(done.rate)
    }
}

/// One piece more in stock; answers the command's key.
async fn receive_one(
    log: &Log,
    product: ProductId,
    sent_again: &AtomicUsize,
) -> anyhow::Result<String> {
    let now = Utc::now();
    let context = Context::system("bench", Uuid::now_v7().to_string(), now);
    let quantity = Quantity::try_from(1)?;
    let command = Command::Receive { product, quantity, reason: None, at: now };
    loop {
        match log.execute::<Stock>(product, command.clone(), &context).await {
            Ok(_) => return Ok(context.key),
            Err(ExecuteError::Contended { .. } | ExecuteError::Busy) => {
                sent_again.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Every accepted command has one event in the stream, and nothing else is there.
async fn none_is_lost(log: &Log, product: ProductId, accepted: Vec<String>) -> anyhow::Result<()> {
    let stream = StreamId::new(<Stock as cqrs_es::Aggregate>::TYPE, product.to_string());
    let mut missing: BTreeSet<String> = accepted.into_iter().collect();
    let mut sequence = 0;
    loop {
        let page = log.reader().stream(&stream, sequence, PAGE_EVENTS).await?;
        if page.is_empty() {
            break;
        }
        for event in page {
            sequence += 1;
            anyhow::ensure!(event.sequence == sequence, "{stream} has a gap before {sequence}");
            let key = event.metadata().remove("command_id").unwrap_or_default();
            anyhow::ensure!(
                missing.remove(&key),
                "event {sequence} of {stream} was not accepted, or twice"
            );
        }
    }
    anyhow::ensure!(missing.is_empty(), "{} accepted commands are not in the log", missing.len());
    let received = log.load::<Stock>(product).await?.state.level().on_hand;
    anyhow::ensure!(received == sequence, "{stream} has {received} pieces after {sequence} events");
    Ok(())
}
