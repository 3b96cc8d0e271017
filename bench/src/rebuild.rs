//! Rebuilding each projection, beside reading the same events with a cursor and decoding them.
//!
//! Ours is the whole thing: a build is asked for as an operator does it, a worker makes its tables,
//! reads the log, applies it and makes the build live. The reference reads what the projection
//! wants of the log, through a cursor with the columns that a projection gets, and decodes every
//! payload to its type. A figure is the length of the log divided by the time it took, for both:
//! positions that a build passed, or events of the log, a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use cqrs_es::Aggregate;
use eventstore::{DecodeError, Feed, Reader, RecordedEvent};
use projections::Projection;
use projections::runtime::{self, ProjectionStatus};
use sqlx::{Connection, PgPool};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Contender, Database, Goal, Options, Report, Server, alternate, history};

const EVENTS: i64 = 1_000_000;
const CONNECTIONS: usize = 10;
/// What the reference fetches at once: more is not faster.
const FETCH: usize = 5_000;
/// How often a build is looked at, which bounds what the figure is off by.
const LOOK: Duration = Duration::from_millis(10);
const SINGLE_TABLE_RATIO: f64 = 0.4;
const EVENTS_A_SECOND: f64 = 30_000.0;

pub async fn run(options: &Options) -> anyhow::Result<Vec<Report>> {
    let server = Server::start(options).await?;
    let database = server.database("rebuild").await?;
    let pool = database.pool(CONNECTIONS).await?;
    eventstore::migrate(&pool).await?;
    history::write(&pool, options.events.unwrap_or(EVENTS)).await?;
    let mut reports = Vec::new();
    for projection in projections::all() {
        if options.is_wanted(projection.name()) {
            server.settle().await?;
            reports.push(compare(options, &server, &database, &pool, projection.into()).await?);
        }
    }
    Ok(reports)
}

async fn compare(
    options: &Options,
    server: &Server,
    database: &Database,
    pool: &PgPool,
    projection: Arc<dyn Projection>,
) -> anyhow::Result<Report> {
    let head = Reader::new(pool.clone()).head().await?;
    let (wanted, tables) = (wanted(pool, &*projection).await?, tables(&*projection));
    let mut cursor = [Cursor { database: database.clone(), sources: projection.sources(), head }];
    let mut ours = Rebuild::start(pool.clone(), Arc::clone(&projection), head).await?;
    let rounds = alternate(options, &mut ours, &mut cursor).await;
    ours.stop().await?;
    let settings = format!("{}, {tables} tables, {wanted} of {head} events", projection.name());
    let mut report =
        Report::of("rebuild", settings, "events of the log/s", server.machine(), rounds?);
    report.goals.push(Goal::at_least("events/s", EVENTS_A_SECOND, report.ours));
    if tables == 1 {
        let ratio = report.ratio_to("cursor");
        report.goals.push(Goal::at_least("of the cursor", SINGLE_TABLE_RATIO, ratio));
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of events are far below 2^53")]
    let applied = report.ours * wanted as f64 / head as f64;
    report.notes.push(format!("{applied:.0} of its own events/s"));
    Ok(report)
}

async fn wanted(pool: &PgPool, projection: &dyn Projection) -> anyhow::Result<i64> {
    Ok(sqlx::query_scalar("select count(*) from eventstore.events where aggregate_type = any ($1)")
        .bind(projection.sources())
        .fetch_one(pool)
        .await?)
}

fn tables(projection: &dyn Projection) -> usize {
    projection.schema().matches("create table").count()
}

/// A worker of one projection that is told to build it again and again.
struct Rebuild {
    pool: PgPool,
    projection: Arc<dyn Projection>,
    head: i64,
    shutdown: CancellationToken,
    worker: JoinHandle<()>,
}

impl Rebuild {
    async fn start(
        pool: PgPool,
        projection: Arc<dyn Projection>,
        head: i64,
    ) -> anyhow::Result<Self> {
        let shutdown = CancellationToken::new();
        let options = runtime::Options {
            tick: Duration::from_millis(20),
            retired_kept: Duration::from_millis(20),
            ..runtime::Options::default()
        };
        let reader = Reader::new(pool.clone());
        let worker = tokio::spawn(runtime::run_with(
            pool.clone(),
            reader.clone(),
            Feed::new(reader, None),
            vec![Arc::clone(&projection)],
            options,
            shutdown.clone(),
        ));
        let started = Self { pool, projection, head, shutdown, worker };
        started.live(1).await?;
        Ok(started)
    }

    /// Waits until a build is live and has passed the whole log.
    async fn live(&self, build: i32) -> anyhow::Result<()> {
        loop {
            let builds = runtime::status(&self.pool).await?;
            let ours = |status: &&ProjectionStatus| {
                status.name == self.projection.name() && status.build == build
            };
            if let Some(status) = builds.iter().find(ours) {
                ensure!(status.parked == 0, "{} parked events", self.projection.name());
                if status.live_at.is_some() && status.position >= self.head {
                    return Ok(());
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        Ok(self.worker.await?)
    }
}

impl Contender for Rebuild {
    fn name(&self) -> &str {
        "daybook"
    }

    /// However long it takes.
    async fn work(&mut self, _: Duration) -> anyhow::Result<f64> {
        let started = Instant::now();
        let key = runtime::rebuild(&self.pool, self.projection.name()).await?;
        self.live(key.build).await?;
        Ok(rate(self.head, started))
    }
}

/// Reads through a cursor and decodes.
struct Cursor {
    database: Database,
    sources: &'static [&'static str],
    head: i64,
}

impl Contender for Cursor {
    fn name(&self) -> &str {
        "cursor"
    }

    async fn work(&mut self, _: Duration) -> anyhow::Result<f64> {
        let started = Instant::now();
        let mut connection = self.database.connect().await?;
        let mut tx = connection.begin().await?;
        sqlx::query(
            "declare history no scroll cursor for
             select position, aggregate_type, aggregate_id, sequence, event_type, event_version,
                    payload::text as payload, metadata::text as metadata, recorded_at
             from eventstore.events where aggregate_type = any ($1) order by position",
        )
        .bind(self.sources)
        .execute(&mut *tx)
        .await?;
        let fetch = format!("fetch {FETCH} from history");
        loop {
            let page: Vec<RecordedEvent> = sqlx::query_as(&fetch).fetch_all(&mut *tx).await?;
            for event in &page {
                decode(event)?;
            }
            if page.len() < FETCH {
                return Ok(rate(self.head, started));
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of events are far below 2^53")]
fn rate(events: i64, since: Instant) -> f64 {
    events as f64 / since.elapsed().as_secs_f64()
}

/// The event as its own type.
fn decode(event: &RecordedEvent) -> Result<(), DecodeError> {
    fn as_event_of<A: Aggregate>(event: &RecordedEvent) -> Result<(), DecodeError> {
        event.decode::<A::Event>().map(|event| {
            std::hint::black_box(event);
        })
    }
    match event.stream.aggregate_type.as_str() {
        domain::account::Account::TYPE => as_event_of::<domain::account::Account>(event),
        domain::book::Book::TYPE => as_event_of::<domain::book::Book>(event),
        domain::course::Course::TYPE => as_event_of::<domain::course::Course>(event),
        domain::enrollment::Enrollment::TYPE => {
            as_event_of::<domain::enrollment::Enrollment>(event)
        }
        domain::follow::Follow::TYPE => as_event_of::<domain::follow::Follow>(event),
        domain::fulfilment::Fulfilment::TYPE => {
            as_event_of::<domain::fulfilment::Fulfilment>(event)
        }
        domain::loan::CopySet::TYPE => as_event_of::<domain::loan::CopySet>(event),
        domain::order::Order::TYPE => as_event_of::<domain::order::Order>(event),
        domain::product::Product::TYPE => as_event_of::<domain::product::Product>(event),
        domain::rating::Rating::TYPE => as_event_of::<domain::rating::Rating>(event),
        domain::shelf::Shelf::TYPE => as_event_of::<domain::shelf::Shelf>(event),
        domain::stock::Stock::TYPE => as_event_of::<domain::stock::Stock>(event),
        _ => Ok(()),
    }
}
