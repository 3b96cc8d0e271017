//! The raw feed: every event in order, in pages, beside `COPY ... to stdout` of the same columns.

use std::pin::pin;
use std::time::{Duration, Instant};

use eventstore::Reader;
use futures::TryStreamExt;
use sqlx::PgConnection;

use crate::copy::Copy;
use crate::database::{Database, Server};
use crate::{Contender, Goal, Options, Report, alternate};

/// How long a log is read; `--events` says otherwise.
const EVENTS: i64 = 500_000;
/// As an export reads, in pages of the relay's size.
const PAGE_EVENTS: u16 = 500;
const COLUMNS: &str = "position, aggregate_type, aggregate_id, sequence, event_type, event_version,
                       payload, metadata, recorded_at";

pub async fn run(options: &Options) -> anyhow::Result<Vec<Report>> {
    let events = options.events.unwrap_or(EVENTS);
    let server = Server::start(options).await?.without_autovacuum().await?;
    let database = server.migrated("feed").await?;
    fill(&database, events).await?;

    let reader = Reader::new(database.pool(2).await?);
    let mut ours = Pages { reader, events };
    let mut copies = Vec::new();
    for format in ["text", "binary"] {
        copies.push(CopyOut { connection: database.connect().await?, format, events });
    }
    let rounds = alternate(options, &mut ours, &mut copies).await?;
    let settings = format!("{events} events in pages of {PAGE_EVENTS}");
    let mut report = Report::of("feed", settings, "events/s", server.machine(), rounds);
    let ratio = report.ratio.values().copied().fold(f64::INFINITY, f64::min);
    report.goals = vec![Goal::at_least("of COPY to stdout", 0.5, ratio)];
    report.notes =
        vec!["ours makes an event of every row; COPY only counts the bytes it gets".to_owned()];
    Ok(vec![report])
}

/// The feed does not read the chain, so there is none.
async fn fill(database: &Database, events: i64) -> anyhow::Result<()> {
    let mut copy = Copy::into_log(database, 1).await?;
    let wanted = usize::try_from(events)?;
    anyhow::ensure!(copy.copy(wanted, || true).await? == wanted, "not so many events");
    database.tidy("eventstore.events").await
}

struct Pages {
    reader: Reader,
    events: i64,
}

impl Contender for Pages {
    fn name(&self) -> &str {
        "daybook"
    }

    async fn work(&mut self, round: Duration) -> anyhow::Result<f64> {
        let started = Instant::now();
        let mut read = 0;
        while started.elapsed() < round {
            let mut position = 0;
            let mut pages = pin!(self.reader.pages(0, self.events, PAGE_EVENTS));
            while let Some(page) = pages.try_next().await? {
                position = page.last().map_or(position, |last| last.position);
                read += page.len();
            }
            anyhow::ensure!(position == self.events, "the feed ended at {position}");
        }
        Ok(read as f64 / started.elapsed().as_secs_f64())
    }
}

struct CopyOut {
    connection: PgConnection,
    format: &'static str,
    events: i64,
}

impl Contender for CopyOut {
    fn name(&self) -> &str {
        match self.format {
            "text" => "copy, text",
            _ => "copy, binary",
        }
    }

    async fn work(&mut self, round: Duration) -> anyhow::Result<f64> {
        let started = Instant::now();
        let statement = format!(
            "copy (select {COLUMNS} from eventstore.events order by position)
             to stdout with (format {})",
            self.format
        );
        let (mut read, mut bytes) = (0, 0);
        while started.elapsed() < round {
            let mut copy = self.connection.copy_out_raw(&statement).await?;
            while let Some(chunk) = copy.try_next().await? {
                bytes += chunk.len();
            }
            read += self.events;
        }
        anyhow::ensure!(bytes > 0, "nothing was copied");
        Ok(read as f64 / started.elapsed().as_secs_f64())
    }
}
