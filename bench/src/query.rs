//! The query side, read by many at once: a page of the catalogue, a book, a search, recommendations.
//!
//! The reference is pgbench, which asks the same database the page's own statement and nothing else:
//! no HTTP, no JSON, no positions. And freshness: how long until a rating has changed the list of
//! whoever gave it.

mod pgbench;
mod readers;
pub mod shelves;

use anyhow::{Context, ensure};
use serde_json::json;

use crate::http::{Ask, Connection};
use crate::raters::Raters;
use crate::system::System;
use crate::{Goal, Latency, Options, Report, Round, Server};
use pgbench::Pgbench;
use readers::{Page, Readers};
use shelves::Shelves;

const CLIENTS: usize = 64;
const RATIO_GOAL: f64 = 0.6;
const FRESH_GOAL_MS: f64 = 1_000.0;

pub async fn run(options: &Options) -> anyhow::Result<Vec<Report>> {
    let clients = options.clients.unwrap_or(CLIENTS);
    let server = Server::start(options).await?;
    let database = server.database("daybook").await?;
    let system = System::up(options, database.clone()).await?;
    let tokens = Raters::tokens(&system.site, clients).await?;
    let shelves = Shelves::filled(&system.site, &tokens).await?;
    system.catch_up().await?;
    system.command(&["reco", "train"]).await?;
    system.at_rest().await?;

    let pgbench = Pgbench::found(&database).await?;
    let mut readers = Readers::new(&system.site.address, &tokens).await?;
    let mut reports = Vec::new();
    for page in Page::ALL.into_iter().filter(|page| options.is_wanted(page.name())) {
        readers.read(page, &shelves, options.round / 4).await?;
        let (mut rounds, mut took) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            server.settle().await?;
            let mut round = Round::default();
            let read = readers.read(page, &shelves, options.round).await?;
            round.ours = read.per_second;
            took.extend(read.took_ms);
            if let (Some(pgbench), Some(statement)) = (&pgbench, page.statement()) {
                let rate = pgbench.rate(statement, clients, options.round).await?;
                round.references.insert("pgbench".to_owned(), rate);
            }
            rounds.push(round);
        }
        let settings = format!("{}, {clients} clients", page.name());
        let mut report = Report::of("query", settings, "answers/s", server.machine(), rounds);
        report.latency_ms = Latency::of(took);
        if !report.references.is_empty() {
            let ratio = report.ratio_to("pgbench");
            report.goals.push(Goal::at_least("of pgbench's rate", RATIO_GOAL, ratio));
        }
        report.notes.push(page.what().to_owned());
        reports.push(report);
    }
    if options.is_wanted("freshness") {
        reports.push(freshness(options, &server, &system, &tokens).await?);
    }
    drop(readers);
    system.stop().await?;
    Ok(reports)
}

/// One reader after the other rates the first of the list and asks for the list again, with the
/// receipt's token: what was rated must not be in it any more.
async fn freshness(
    options: &Options,
    server: &Server,
    system: &System,
    tokens: &[std::sync::Arc<str>],
) -> anyhow::Result<Report> {
    let mut connection = Connection::open(&system.site.address).await?;
    let (begun, mut took) = (std::time::Instant::now(), Vec::new());
    for token in tokens.iter().cycle() {
        if begun.elapsed() >= options.round * u32::try_from(options.rounds)? {
            break;
        }
        let list = connection.ask(my_list(token, "")).await?.accepted()?.json();
        let Some(first) = list["items"][0]["id"].as_str() else { continue };
        let asked = std::time::Instant::now();
        let (path, body) = (format!("books/{first}/rating"), json!({ "score": 9 }).to_string());
        let rate = Ask { method: "PUT", path: &path, token, headers: "", body: &body };
        let position = connection.ask(rate).await?.accepted()?.number("consistency-token");
        let position = position.context("no consistency-token")?;
        let headers = format!("consistency-token: {position}\r\nprefer: wait=5\r\n");
        let list = connection.ask(my_list(token, &headers)).await?.accepted()?.json();
        took.push(asked.elapsed().as_secs_f64() * 1000.0);
        let items = list["items"].as_array().context("no items")?;
        ensure!(items.iter().all(|item| item["id"] != first), "{first} is still recommended");
    }
    let latency = Latency::of(took).context("nobody was recommended anything")?;
    let rounds = vec![Round { ours: latency.p50, ..Round::default() }];
    let settings = "one reader after the other";
    let mut report = Report::of("freshness", settings, "ms (p50)", server.machine(), rounds);
    report.latency_ms = Some(latency);
    report.goals.push(Goal::at_most("p99, ms", FRESH_GOAL_MS, latency.p99));
    report.notes.push("from sending a rating to a list that knows it, over HTTP".to_owned());
    Ok(report)
}

fn my_list<'a>(token: &'a str, headers: &'a str) -> Ask<'a> {
    let path = "recommendations?kind=book&limit=10";
    Ask { method: "GET", path, token, headers, body: "" }
}
