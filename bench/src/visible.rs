//! From a command over HTTP to the query side showing it, at a steady 500 commands a second.
//!
//! A client sends a command and then asks the query side with the receipt's consistency token; the
//! time runs from when the command was due to the answer. A smaller sample polls instead, as
//! somebody would who knows no tokens.

use std::time::Duration;

use crate::raters::{Raters, Then};
use crate::system::System;
use crate::{Goal, Latency, Options, Report, Round, Server};

const PER_SECOND: f64 = 500.0;
/// Polling is work of its own: one command in ten.
const POLLED_PER_SECOND: f64 = 50.0;
/// Enough that nobody waits for a client.
const CLIENTS: usize = 128;
const P50_GOAL_MS: f64 = 30.0;
const P99_GOAL_MS: f64 = 150.0;

pub async fn run(options: &Options) -> anyhow::Result<Vec<Report>> {
    let server = Server::start(options).await?;
    let system = System::up(options, server.database("daybook").await?).await?;
    let clients = options.clients.unwrap_or(CLIENTS);
    let tokens = Raters::tokens(&system.site, clients).await?;
    let mut raters = Raters::new(system.site.clone(), &tokens).await?;
    let mut pollers = Raters::new(system.site.clone(), &tokens[..clients.div_ceil(8)]).await?;
    raters.rate_at(PER_SECOND, Duration::from_secs(2), Then::Read).await?;
    server.settle().await?;

    let (mut rounds, mut all) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let took = raters.rate_at(PER_SECOND, options.round, Then::Read).await?;
        if let Some(Latency { p50, .. }) = Latency::of(took.clone()) {
            rounds.push(Round { ours: p50, ..Round::default() });
        }
        all.extend(took);
    }
    let polled = pollers.rate_at(POLLED_PER_SECOND, options.round, Then::Poll).await?;
    drop((raters, pollers));
    system.stop().await?;

    let settings = format!("{PER_SECOND:.0} commands/s, {clients} clients");
    let mut report = Report::of("visible", settings, "ms (p50)", server.machine(), rounds);
    report.latency_ms = Latency::of(all);
    if let Some(Latency { p50, p99 }) = report.latency_ms {
        report.goals.push(Goal::at_most("p50, ms", P50_GOAL_MS, p50));
        report.goals.push(Goal::at_most("p99, ms", P99_GOAL_MS, p99));
    }
    report.notes.push(
        "from when the command was due to the answer of a GET with its consistency token".into(),
    );
    if let Some(Latency { p50, p99 }) = Latency::of(polled) {
        let rate = format!("{POLLED_PER_SECOND:.0} commands/s");
        let polled =
            format!("seen by polling every 2 ms, at {rate}: p50 {p50:.1} ms, p99 {p99:.1} ms");
        report.notes.push(polled);
    }
    Ok(vec![report])
}
