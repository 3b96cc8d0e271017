//! The client of a chaos run: a process of its own that nobody kills.
//!
//! Whatever happens on the other side, it asks with one Idempotency-Key until it has an answer, and
//! writes the answer down before it asks for anything else.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::http::{Ask, Connection};
use crate::system::Login;

/// Between two commands of one reader, and of one buyer.
const READER_REST: Duration = Duration::from_millis(10);
const BUYER_REST: Duration = Duration::from_millis(100);
/// Every so often the shop gets so many pieces more, which is less than are asked for.
const DELIVERY_EVERY: Duration = Duration::from_secs(3);
const DELIVERED: u32 = 5;
/// Before asking again, as the author of a client would write it.
const PAUSE: Duration = Duration::from_millis(50);
/// How long one answer may take; the server promises less.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// How long a command may stay without an answer altogether.
const COMMAND_MAX: Duration = Duration::from_secs(120);

/// Asks what a scene says, until its standard input ends.
#[derive(Debug, clap::Args)]
pub struct Client {
    #[arg(long)]
    scene: PathBuf,
    /// The file that gets a line for every acknowledgement
    #[arg(long)]
    acknowledged: PathBuf,
}

/// Who asks whom for what.
#[derive(Debug, Serialize, Deserialize)]
pub struct Scene {
    pub address: String,
    pub readers: Vec<Login>,
    pub buyers: Vec<Login>,
    pub merchandiser: Login,
    pub books: Vec<Uuid>,
    pub product: Uuid,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Acknowledged {
    pub key: String,
    pub position: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}

/// What the client says at its end.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Experience {
    pub acknowledged: u64,
    pub retries: u64,
    /// The longest time without any acknowledgement for anybody.
    pub longest_outage_ms: u64,
    /// Answers that no client should ever see.
    pub wrong: Vec<String>,
}

struct Shared {
    scene: Scene,
    over: AtomicBool,
    book: Mutex<Book>,
}

/// What has been acknowledged so far.
struct Book {
    file: File,
    last: Instant,
    experience: Experience,
}

impl Client {
    pub async fn run(self) -> anyhow::Result<()> {
        let scene: Scene = serde_json::from_slice(&fs::read(&self.scene)?)?;
        let file = File::options().create(true).append(true).open(&self.acknowledged)?;
        let book = Book { file, last: Instant::now(), experience: Experience::default() };
        let shared =
            Arc::new(Shared { scene, over: AtomicBool::new(false), book: Mutex::new(book) });
        let mut people = JoinSet::new();
        for (number, login) in shared.scene.readers.iter().enumerate() {
            people.spawn(Person::new(&shared, login).reads(number));
        }
        for login in &shared.scene.buyers {
            people.spawn(Person::new(&shared, login).buys());
        }
        people.spawn(Person::new(&shared, &shared.scene.merchandiser).delivers());
        let until = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        tokio::select! {
            ended = until => drop(ended??),
            failed = people.join_next() => failed.context("nobody asks")???,
        }
        shared.over.store(true, Ordering::SeqCst);
        while let Some(ended) = people.join_next().await {
            ended??;
        }
        println!("{}", serde_json::to_string(&shared.book().experience)?);
        Ok(())
    }
}

impl Shared {
    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }
}

impl Book {
    fn write(&mut self, acknowledged: &Acknowledged) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(acknowledged)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        let outage = u64::try_from(self.last.elapsed().as_millis())?;
        self.last = Instant::now();
        self.experience.acknowledged += 1;
        self.experience.longest_outage_ms = self.experience.longest_outage_ms.max(outage);
        Ok(())
    }
}

/// Somebody who asks for one thing after the other.
struct Person {
    shared: Arc<Shared>,
    login: Login,
    token: String,
    connection: Option<Connection>,
}

/// What became of one try.
enum Tried {
    Acknowledged(Acknowledged),
    /// Nobody knows; the key finds out.
    Unknown,
    NotLoggedIn,
    Wrong(String),
}

impl Person {
    fn new(shared: &Arc<Shared>, login: &Login) -> Self {
        let token = String::new();
        Self { shared: shared.clone(), login: login.clone(), token, connection: None }
    }

    /// Never the score that the book has from this reader: every command changes something.
    async fn reads(mut self, first: usize) -> anyhow::Result<()> {
        let shared = self.shared.clone();
        for number in first.. {
            if shared.over() {
                break;
            }
            let book = shared.scene.books[number % shared.scene.books.len()];
            let score = number / shared.scene.books.len() % 11;
            let body = json!({ "score": score }).to_string();
            self.persist("PUT", &format!("books/{book}/rating"), &body).await?;
            tokio::time::sleep(READER_REST).await;
        }
        Ok(())
    }

    async fn buys(mut self) -> anyhow::Result<()> {
        let shared = self.shared.clone();
        let items = [json!({ "product_id": shared.scene.product, "quantity": 1 })];
        let body = json!({ "items": items }).to_string();
        while !shared.over() {
            self.persist("POST", "orders", &body).await?;
            tokio::time::sleep(BUYER_REST).await;
        }
        Ok(())
    }

    async fn delivers(mut self) -> anyhow::Result<()> {
        let shared = self.shared.clone();
        let path = format!("stock/{}/receipts", shared.scene.product);
        let body = json!({ "quantity": DELIVERED }).to_string();
        while !shared.over() {
            self.persist("POST", &path, &body).await?;
            let rested = Instant::now();
            while rested.elapsed() < DELIVERY_EVERY && !shared.over() {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// Asks with one key until there is an answer, however often nobody is there.
    async fn persist(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<()> {
        let key = Uuid::now_v7().to_string();
        let begun = Instant::now();
        loop {
            let tried = match self.token.is_empty() {
                true => Tried::NotLoggedIn,
                false => self.try_once(method, path, body, &key).await,
            };
            match tried {
                Tried::Acknowledged(acknowledged) => {
                    return self.shared.book().write(&acknowledged);
                }
                Tried::Wrong(answer) => {
                    self.shared.book().experience.wrong.push(answer);
                    return Ok(());
                }
                Tried::NotLoggedIn => {
                    let logging_in = self.login.log_in(&self.shared.scene.address);
                    let token = tokio::time::timeout(ANSWER_MAX, logging_in).await;
                    match token {
                        Ok(Ok(token)) => self.token = token,
                        _ => self.connection = None,
                    }
                }
                Tried::Unknown => self.shared.book().experience.retries += 1,
            }
            ensure!(begun.elapsed() < COMMAND_MAX, "nobody answers {method} {path} any more");
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn try_once(&mut self, method: &str, path: &str, body: &str, key: &str) -> Tried {
        let headers = format!("idempotency-key: {key}\r\n");
        let ask = Ask { method, path, token: &self.token, headers: &headers, body };
        let address = &self.shared.scene.address;
        let connection = match self.connection.take() {
            Some(connection) => Ok(connection),
            None => Connection::open(address).await,
        };
        let Ok(mut connection) = connection else { return Tried::Unknown };
        let Ok(Ok(answer)) = tokio::time::timeout(ANSWER_MAX, connection.ask(ask)).await else {
            return Tried::Unknown;
        };
        let said = answer.json();
        let tried = match (answer.status, said["code"].as_str(), said["position"].as_i64()) {
            (200..=299, _, Some(position)) => {
                let order = said["id"].as_str().or(said["stream"]["id"].as_str());
                let order = order.filter(|_| path == "orders").map(str::to_owned);
                Tried::Acknowledged(Acknowledged { key: key.to_owned(), position, order })
            }
            (503, _, _) | (409, Some("idempotency-key-in-progress"), _) => Tried::Unknown,
            (401, Some("token-invalid"), _) => Tried::NotLoggedIn,
            (status, _, _) => Tried::Wrong(format!("{method} {path}: {status} {said}")),
        };
        self.connection = Some(connection);
        tried
    }
}
