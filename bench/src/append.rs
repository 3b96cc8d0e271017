//! Appending: 64 and 256 committers, one committer, and one that commits a hundred events at once.
//!
//! Ours is `Log::append`, below the deciding: what `persist` is to postgres-es.

use std::time::Duration;

use eventstore::Log;
use eventstore::append::Verdict;

use crate::copy::Copy;
use crate::database::{Database, Server};
use crate::postgres_es::PostgresEs;
use crate::rating::Rated;
use crate::{Contender, Goal, Latency, Options, Report, alternate, committers};

const EVENTS_PER_BATCH: usize = 100;
const OURS_NOTE: &str = "ours is Log::append: command ids, verdicts, dense positions, hash chain";

pub async fn run(options: &Options) -> anyhow::Result<Vec<Report>> {
    let settings = options.clients.map_or_else(|| vec![64, 256], |clients| vec![clients]);
    let mut reports = Vec::new();
    for committers in settings {
        reports.push(many(options, committers).await?);
    }
    Ok(reports)
}

async fn many(options: &Options, committers: usize) -> anyhow::Result<Report> {
    let server = Server::start(options).await?.without_autovacuum().await?;
    let mut ours = Ours::start(&server, committers, 1).await?;
    let postgres_es = PostgresEs::start(&server, committers).await?;
    let postgres_es = postgres_es.with_best_connections(options.round).await?;
    let copy = Copy::start(&server, 1).await?.with_best_settings(options.round).await?;
    let notes = vec![OURS_NOTE.to_owned(), postgres_es.trials.clone(), copy.trials.clone()];
    let mut references = [Reference::PostgresEs(postgres_es), Reference::Copy(copy)];

    let rounds = alternate(options, &mut ours, &mut references).await?;
    let settings = format!("{committers} committers");
    let mut report = Report::of("append", settings, "events/s", server.machine(), rounds);
    report.latency_ms = Latency::of(ours.latencies_ms);
    let (to_postgres_es, to_copy) = (report.ratio_to("postgres-es"), report.ratio_to("copy"));
    report.goals = match committers {
        ..256 => vec![Goal::at_least("times postgres-es", 4.0, to_postgres_es)],
        _ => vec![
            Goal::at_least("times postgres-es", 6.0, to_postgres_es),
            Goal::at_least("of COPY", 0.6, to_copy),
        ],
    };
    report.notes = notes;
    Ok(report)
}

/// One committer after another's answer, against the same for postgres-es.
pub async fn one(options: &Options) -> anyhow::Result<Vec<Report>> {
    let server = Server::start(options).await?.without_autovacuum().await?;
    let mut ours = Ours::start(&server, 1, 1).await?;
    let mut references = [Reference::PostgresEs(PostgresEs::start(&server, 1).await?)];
    let rounds = alternate(options, &mut ours, &mut references).await?;
    let mut report = Report::of("append-1", "1 committer", "events/s", server.machine(), rounds);
    report.latency_ms = Latency::of(ours.latencies_ms);
    let ratio = report.ratio_to("postgres-es");
    report.goals = vec![Goal::at_least("times postgres-es", 1.2, ratio)];
    report.notes = vec![OURS_NOTE.to_owned()];
    Ok(vec![report])
}

/// One committer whose commands have many events each, against `COPY`.
pub async fn batch(options: &Options) -> anyhow::Result<Vec<Report>> {
    let server = Server::start(options).await?.without_autovacuum().await?;
    let mut ours = Ours::start(&server, 1, EVENTS_PER_BATCH).await?;
    let copy = Copy::start(&server, EVENTS_PER_BATCH).await?;
    let copy = copy.with_best_settings(options.round).await?;
    let notes = vec![OURS_NOTE.to_owned(), copy.trials.clone()];
    let mut references = [Reference::Copy(copy)];
    let rounds = alternate(options, &mut ours, &mut references).await?;
    let settings = format!("1 committer, commands of {EVENTS_PER_BATCH} events");
    let mut report = Report::of("append-batch", settings, "events/s", server.machine(), rounds);
    report.latency_ms = Latency::of(ours.latencies_ms);
    let ratio = report.ratio_to("copy");
    report.goals = vec![Goal::at_least("of COPY", 0.7, ratio)];
    report.notes = notes;
    Ok(vec![report])
}

struct Ours {
    database: Database,
    log: Log,
    committers: usize,
    events_per_command: usize,
    latencies_ms: Vec<f64>,
}

impl Ours {
    async fn start(
        server: &Server,
        committers: usize,
        events_per_command: usize,
    ) -> anyhow::Result<Self> {
        let database = server.migrated("daybook").await?;
        let log = database.log().await?;
        Ok(Self { database, log, committers, events_per_command, latencies_ms: Vec::new() })
    }
}

impl Contender for Ours {
    fn name(&self) -> &str {
        "daybook"
    }

    async fn work(&mut self, round: Duration) -> anyhow::Result<f64> {
        let (log, events) = (self.log.clone(), self.events_per_command);
        let done = committers::work(self.committers, round, move || {
            let log = log.clone();
            async move {
                match log.append(Rated::new(events).append()?).await? {
                    Verdict::Appended(_) => Ok(events),
                    other => anyhow::bail!("an event was not appended: {other:?}"),
                }
            }
        })
        .await?;
        self.latencies_ms.extend(done.latencies_ms);
        self.database.tidy("eventstore.events, eventstore.commits, eventstore.commands").await?;
        Ok(done.rate)
    }
}

enum Reference {
    PostgresEs(PostgresEs),
    Copy(Copy),
}

impl Contender for Reference {
    fn name(&self) -> &str {
        match self {
            Self::PostgresEs(_) => "postgres-es",
            Self::Copy(_) => "copy",
        }
    }

    async fn work(&mut self, round: Duration) -> anyhow::Result<f64> {
        match self {
            Self::PostgresEs(postgres_es) => {
                let done = postgres_es.work(round).await?;
                postgres_es.tidy().await?;
                Ok(done.rate)
            }
            Self::Copy(copy) => {
                let rate = copy.work(round).await?;
                copy.tidy().await?;
                Ok(rate)
            }
        }
    }
}
