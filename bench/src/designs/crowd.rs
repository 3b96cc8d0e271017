//! A thousand clients at once, each on a connection that it keeps: none of them may meet an error.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures::future::try_join_all;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::Stage;
use crate::http::{Ask, Connection};
use crate::query::shelves::GENRES;
use crate::{Goal, Latency, Report, Round};

const CLIENTS: usize = 1_000;
const OPENED_AT_ONCE: usize = 100;
/// One request in so many is a rating, the others read.
const WRITES_EVERY: usize = 4;
const BOOKS: usize = 200;
/// Who waits longer has given up.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// What a client met.
#[derive(Default)]
struct Met {
    took_ms: Vec<f64>,
    errors: BTreeMap<String, usize>,
}

struct Client {
    number: usize,
    connection: Connection,
    address: String,
    token: Arc<str>,
    asked: usize,
}

pub async fn measure(stage: &Stage<'_>) -> anyhow::Result<Report> {
    let (address, round) = (&stage.system.site.address, stage.options.round);
    let count = stage.options.clients.unwrap_or(CLIENTS);
    let books = Arc::new(stage.system.site.books(BOOKS).await?);
    stage.system.at_rest().await?;
    let mut clients = Vec::new();
    for first in (0..count).step_by(OPENED_AT_ONCE) {
        let some = first..count.min(first + OPENED_AT_ONCE);
        let some = some.map(|number| Client::new(number, address, &stage.readers));
        clients.extend(try_join_all(some).await.context("a client cannot connect")?);
    }
    let (mut rounds, mut all) = (Vec::new(), Met::default());
    for _ in 0..stage.options.rounds {
        let (begun, before) = (Instant::now(), all.took_ms.len());
        let mut work = JoinSet::new();
        for client in clients.drain(..) {
            work.spawn(client.work(Arc::clone(&books), begun + round));
        }
        while let Some(ended) = work.join_next().await {
            let (client, mut met) = ended?;
            clients.push(client);
            all.took_ms.append(&mut met.took_ms);
            for (kind, times) in met.errors {
                *all.errors.entry(kind).or_default() += times;
            }
        }
        let answers = (all.took_ms.len() - before) as f64;
        let ours = answers / begun.elapsed().as_secs_f64();
        rounds.push(Round { ours, ..Round::default() });
    }
    let (settings, machine) = (format!("crowd, {count} clients"), stage.server.machine());
    let mut report = Report::of("designs", settings, "requests/s", machine, rounds);
    let errors: usize = all.errors.values().sum();
    report.goals.push(Goal::at_most("errors", 0.0, errors as f64));
    report.notes.push(format!(
        "{} requests, one in {WRITES_EVERY} a rating, by {} accounts on {count} kept connections",
        all.took_ms.len() + errors,
        stage.readers.len(),
    ));
    report.notes.extend(all.errors.iter().map(|(kind, times)| format!("{times} times: {kind}")));
    report.latency_ms = Latency::of(all.took_ms);
    Ok(report)
}

impl Client {
    async fn new(number: usize, address: &str, tokens: &[Arc<str>]) -> io::Result<Self> {
        let (connection, token) =
            (Connection::open(address).await?, &tokens[number % tokens.len()]);
        Ok(Self { number, connection, address: address.to_owned(), token: token.clone(), asked: 0 })
    }

    async fn work(mut self, books: Arc<Vec<Uuid>>, until: Instant) -> (Self, Met) {
        let mut met = Met::default();
        while Instant::now() < until {
            let asked = Instant::now();
            match timeout(ANSWER_MAX, self.ask(&books)).await {
                Ok(Ok(None)) => met.took_ms.push(asked.elapsed().as_secs_f64() * 1000.0),
                Ok(Ok(Some(refusal))) => met.add(refusal),
                Ok(Err(error)) => self.lost(&mut met, format!("{}", error.kind())).await,
                Err(_) => self.lost(&mut met, "no answer in time".to_owned()).await,
            }
        }
        (self, met)
    }

    /// What was refused, if anything.
    async fn ask(&mut self, books: &[Uuid]) -> io::Result<Option<String>> {
        self.asked += 1;
        let book = books[(self.number + self.asked) % books.len()];
        let (rating, score) = (format!("books/{book}/rating"), self.asked % 11);
        let (rated, book) = (format!(r#"{{"score":{score}}}"#), format!("books/{book}"));
        let page = format!("books?genre={}", GENRES[self.asked % GENRES.len()]);
        let (method, path, body) = match self.asked % WRITES_EVERY {
            0 => ("PUT", &rating, &*rated),
            1 => ("GET", &page, ""),
            _ => ("GET", &book, ""),
        };
        let ask = Ask { method, path, token: &self.token, headers: "", body };
        let answer = self.connection.ask(ask).await?;
        let refused = || format!("{} {}", answer.status, answer.json()["code"]);
        Ok((!answer.is_success()).then(refused))
    }

    /// Whoever lost the connection comes again.
    async fn lost(&mut self, met: &mut Met, why: String) {
        met.add(why);
        match Connection::open(&self.address).await {
            Ok(connection) => self.connection = connection,
            Err(error) => met.add(format!("cannot connect: {}", error.kind())),
        }
    }
}

impl Met {
    fn add(&mut self, error: String) {
        *self.errors.entry(error).or_default() += 1;
    }
}
