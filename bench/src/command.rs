//! Commands over HTTP: 64 clients that keep their connections rate books, everything running.

use std::sync::Arc;
use std::time::Duration;

use crate::raters::{Raters, Then};
use crate::reference::Reference;
use crate::system::System;
use crate::{Contender, Database, Goal, Latency, Options, Report, Server, alternate};

const CLIENTS: usize = 64;
const REFERENCE: &str = "postgres-es";
/// Pool sizes the reference may have; it competes with the one that is best for it.
const CONNECTIONS: [usize; 4] = [8, 16, 32, 64];
const RATIO_GOAL: f64 = 2.0;
const P99_GOAL_MS: f64 = 50.0;

/// Ours: when its turn is over its read models catch up, so that the next one has the machine.
struct Ours<'a> {
    server: &'a Server,
    system: &'a System,
    raters: Raters,
}

struct Theirs<'a> {
    server: &'a Server,
    raters: Raters,
    _running: Reference,
}

impl Contender for Ours<'_> {
    fn name(&self) -> &str {
        "daybook"
    }

    async fn work(&mut self, round: Duration) -> anyhow::Result<f64> {
        self.server.settle().await?;
        let rate = self.raters.rate_for(round).await?;
        self.system.catch_up().await?;
        Ok(rate)
    }
}

impl Contender for Theirs<'_> {
    fn name(&self) -> &str {
        REFERENCE
    }

    async fn work(&mut self, round: Duration) -> anyhow::Result<f64> {
        self.server.settle().await?;
        self.raters.rate_for(round).await
    }
}

pub async fn run(options: &Options) -> anyhow::Result<Vec<Report>> {
    let clients = options.clients.unwrap_or(CLIENTS);
    let server = Server::start(options).await?;
    let system = System::up(options, server.database("daybook").await?).await?;
    let tokens = Raters::tokens(&system.site, clients).await?;
    let raters = Raters::new(system.site.clone(), &tokens).await?;
    let mut ours = Ours { server: &server, system: &system, raters };
    // The first turn warms up: connections, statements, caches.
    ours.work(options.round / 2).await?;

    let database = server.database("reference").await?;
    Reference::prepare(&database).await?;
    let (connections, swept) = best(options, &server, &system, &database, &tokens).await?;
    let theirs = theirs(options, &server, &system, &database, &tokens, connections).await?;

    let rounds = alternate(options, &mut ours, &mut [theirs]).await?;
    let settings = format!("{clients} clients");
    let mut report = Report::of("command", settings, "commands/s", server.machine(), rounds);
    let half = report.ours / 2.0;
    let took = ours.raters.rate_at(half, options.round, Then::Nothing).await?;
    report.latency_ms = Latency::of(took);
    let ratio = report.ratio_to(REFERENCE);
    report.goals.push(Goal::at_least("times the commands of postgres-es", RATIO_GOAL, ratio));
    if let Some(Latency { p99, .. }) = report.latency_ms {
        report.goals.push(Goal::at_most("p99 at half of our maximum, ms", P99_GOAL_MS, p99));
    }
    report.notes.push(format!("latencies at {half:.0} commands/s, from when each was due"));
    report.notes.push(format!("postgres-es with {connections} connections, its best of {swept}"));
    drop(ours);
    system.stop().await?;
    Ok(vec![report])
}

/// The pool size that is best for the reference, and what each gave.
async fn best(
    options: &Options,
    server: &Server,
    system: &System,
    database: &Database,
    tokens: &[Arc<str>],
) -> anyhow::Result<(usize, String)> {
    let (mut best, mut most, mut all) = (CONNECTIONS[0], 0.0, Vec::new());
    for connections in CONNECTIONS {
        let mut theirs = theirs(options, server, system, database, tokens, connections).await?;
        let rate = theirs.work(options.round / 2).await?;
        all.push(format!("{connections}: {rate:.0}/s"));
        if rate > most {
            (best, most) = (connections, rate);
        }
    }
    Ok((best, all.join(", ")))
}

async fn theirs<'a>(
    options: &Options,
    server: &'a Server,
    system: &System,
    database: &Database,
    tokens: &[Arc<str>],
    connections: usize,
) -> anyhow::Result<Theirs<'a>> {
    let running = Reference::start(options, database, connections, &system.data_dir).await?;
    let site = system.site.elsewhere(running.address.clone());
    let mut raters = Raters::new(site, tokens).await?;
    raters.rate_for(Duration::from_secs(1)).await?;
    Ok(Theirs { server, raters, _running: running })
}
