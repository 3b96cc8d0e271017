//! Clients that rate books: each a connection, an access token and pairs that nobody else has.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::future::try_join_all;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use crate::http::{Ask, Connection};
use crate::system::{Login, Site};

/// Books put up for the next round: this many times those that the fastest one took.
const SPARE: f64 = 1.5;
const BOOKS_FIRST: usize = 500;
/// Log-ins at once: each costs the server a slow hash.
const LOGGED_IN_AT_ONCE: usize = 8;
/// Between two looks of somebody who does not say what is waited for.
const POLL_EVERY: Duration = Duration::from_millis(2);
const VISIBLE_MAX: Duration = Duration::from_secs(10);

/// Clients that rate over HTTP at one address.
#[derive(Debug)]
pub struct Raters {
    pub site: Site,
    clients: Vec<Rater>,
    books: Arc<Vec<Uuid>>,
    /// The most that were rated in a second so far.
    fastest: f64,
}

#[derive(Debug)]
struct Rater {
    connection: Connection,
    token: Arc<str>,
    /// Where among the books this one is.
    rated: usize,
}

/// What a client does once its command is acknowledged, before it counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Nothing,
    /// Asks for the book's ratings with the receipt's consistency token.
    Read,
    /// Asks for the book's ratings again and again until they have passed the position.
    Poll,
}

/// A command every so often, by one clock for all clients.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub begun: Instant,
    pub per_second: f64,
    pub until: Instant,
}

impl Raters {
    /// One client for each token.
    pub async fn new(site: Site, tokens: &[Arc<str>]) -> anyhow::Result<Self> {
        let clients = try_join_all(tokens.iter().map(|token| Rater::new(&site.address, token)));
        let clients = clients.await?;
        let books = Arc::new(site.books(BOOKS_FIRST).await?);
        Ok(Self { site, clients, books, fastest: 0.0 })
    }

    /// Access tokens of new members.
    pub async fn tokens(site: &Site, count: usize) -> anyhow::Result<Vec<Arc<str>>> {
        let members = site.members(count).await?;
        let mut tokens: Vec<Arc<str>> = Vec::with_capacity(count);
        for some in members.chunks(LOGGED_IN_AT_ONCE) {
            let logged_in =
                try_join_all(some.iter().map(|login: &Login| login.log_in(&site.address)));
            tokens.extend(logged_in.await?.into_iter().map(Arc::from));
        }
        Ok(tokens)
    }

    /// As fast as it goes; commands a second.
    pub async fn rate_for(&mut self, round: Duration) -> anyhow::Result<f64> {
        self.stock_up(self.fastest * round.as_secs_f64()).await?;
        let begun = Instant::now();
        let mut work = JoinSet::new();
        for mut client in self.clients.drain(..) {
            let books = self.books.clone();
            work.spawn(async move {
                let mut done = 0_u64;
                while begun.elapsed() < round {
                    client.rate(&books).await?;
                    done += 1;
                }
                anyhow::Ok((client, done))
            });
        }
        let mut done = 0;
        while let Some(ended) = work.join_next().await {
            let (client, rated) = ended??;
            self.clients.push(client);
            done += rated;
        }
        let rate = done as f64 / begun.elapsed().as_secs_f64();
        self.fastest = self.fastest.max(rate);
        Ok(rate)
    }

    /// At that many a second, however long each takes; how long each took, in milliseconds.
    ///
    /// A command's time begins when it was due: a slow answer cannot hide those who waited for it.
    pub async fn rate_at(
        &mut self,
        per_second: f64,
        round: Duration,
        then: Then,
    ) -> anyhow::Result<Vec<f64>> {
        self.stock_up(per_second * round.as_secs_f64()).await?;
        let begun = Instant::now();
        let pace = Pace { begun, per_second, until: begun + round };
        let next = Arc::new(AtomicU64::new(0));
        let mut work = JoinSet::new();
        for mut client in self.clients.drain(..) {
            let (books, next) = (self.books.clone(), next.clone());
            work.spawn(async move {
                let mut took = Vec::new();
                while let Some(due) = pace.due(next.fetch_add(1, Ordering::Relaxed)) {
                    sleep_until(due).await;
                    let (book, position) = client.rate(&books).await?;
                    client.then(then, book, position).await?;
                    took.push(due.elapsed().as_secs_f64() * 1000.0);
                }
                anyhow::Ok((client, took))
            });
        }
        let mut all = Vec::new();
        while let Some(ended) = work.join_next().await {
            let (client, mut took) = ended??;
            self.clients.push(client);
            all.append(&mut took);
        }
        Ok(all)
    }

    /// Sees to it that there are books for so many commands more.
    async fn stock_up(&mut self, commands: f64) -> anyhow::Result<()> {
        let rated = self.clients.iter().map(|client| client.rated).max().unwrap_or(0);
        let wanted = rated + (commands * SPARE / self.clients.len() as f64) as usize;
        if let Some(missing) = wanted.checked_sub(self.books.len()) {
            let more = self.site.books(missing).await?;
            Arc::make_mut(&mut self.books).extend(more);
        }
        Ok(())
    }
}

impl Pace {
    /// When the command of that number is due; none once it is over.
    pub fn due(&self, number: u64) -> Option<Instant> {
        let due = self.begun + Duration::from_secs_f64(number as f64 / self.per_second);
        (due < self.until).then_some(due)
    }
}

impl Rater {
    async fn new(address: &str, token: &Arc<str>) -> anyhow::Result<Self> {
        let connection = Connection::open(address).await?;
        Ok(Self { connection, token: token.clone(), rated: 0 })
    }

    /// Rates the next book; which it was, and the position of what happened, if it is told.
    async fn rate(&mut self, books: &[Uuid]) -> anyhow::Result<(Uuid, i64)> {
        let book = books[self.rated % books.len()];
        // Whoever has been through all books begins again with another score: that is no repetition.
        let score = (self.rated / books.len() + self.rated) % 11;
        self.rated += 1;
        let (path, body) = (format!("books/{book}/rating"), format!("{{\"score\":{score}}}"));
        let ask = Ask { method: "PUT", path: &path, token: &self.token, headers: "", body: &body };
        let answer = self.connection.ask(ask).await?.accepted()?;
        Ok((book, answer.number("consistency-token").unwrap_or(0)))
    }

    async fn then(&mut self, then: Then, book: Uuid, position: i64) -> anyhow::Result<()> {
        let path = format!("books/{book}/ratings");
        let headers = match then {
            Then::Nothing => return Ok(()),
            Then::Read => format!("consistency-token: {position}\r\nprefer: wait=5\r\n"),
            Then::Poll => String::new(),
        };
        let ask = Ask { method: "GET", path: &path, token: "", headers: &headers, body: "" };
        let begun = Instant::now();
        loop {
            let answer = self.connection.ask(ask).await?.accepted()?;
            let shown = answer.number("projection-position").context("no projection-position")?;
            if shown >= position {
                return Ok(());
            }
            ensure!(then == Then::Poll, "an answer that is older than what was asked for");
            ensure!(begun.elapsed() < VISIBLE_MAX, "position {position} stays unseen");
            sleep(POLL_EVERY).await;
        }
    }
}
