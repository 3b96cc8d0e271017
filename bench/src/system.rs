//! A whole Daybook as a child of ours, seen from outside, and the people in it.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use chrono::{DateTime, Utc};
use local_services::{Signal, spawn_bound_to_us};
use serde_json::{Value, json};
use tokio::task::{JoinSet, spawn_blocking};
use uuid::Uuid;

use crate::http::{Ask, Connection};
use crate::{Database, Options};

const PASSWORD: &str = "correct horse battery";
/// Accounts made at once: each costs the server two slow hashes.
const REGISTERED_AT_ONCE: usize = 8;
const BOOKS_AT_ONCE: usize = 16;
const CATCH_UP_MAX: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Whoever follows the catalogues looks twice a second.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// A running `daybook up` on a database of ours. It ends with us, if not sooner.
#[derive(Debug)]
pub struct System {
    child: Option<Child>,
    pub site: Site,
    pub data_dir: PathBuf,
    program: PathBuf,
    database: Database,
}

impl System {
    /// Everything runs: both interfaces, relay, projections and processes, without rate limits.
    pub async fn up(options: &Options, database: Database) -> anyhow::Result<Self> {
        Self::up_with(options, database, &[]).await
    }

    /// The same with settings in its environment.
    pub async fn up_with(
        options: &Options,
        database: Database,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let data_dir = std::env::temp_dir().join(format!("daybook-bench-{}", Uuid::new_v4()));
        fs::create_dir_all(&data_dir)?;
        let program = options.program.clone();
        let mut command = beside(&program, &data_dir, &database);
        command.args(["up", "--listen", "127.0.0.1:0"]).envs(settings.iter().copied());
        let log = data_dir.join("up.log");
        let (child, address) = spawn_blocking(move || start(command, &log)).await??;
        let merchandiser = beside(&program, &data_dir, &database);
        let merchandiser = spawn_blocking(move || account(merchandiser, "merchandiser")).await??;
        let site = Site::at(&address, &merchandiser).await?;
        Ok(Self { child: Some(child), site, data_dir, program, database })
    }

    /// Makes an account with a role.
    pub async fn account(&self, role: &'static str) -> anyhow::Result<Login> {
        let command = beside(&self.program, &self.data_dir, &self.database);
        spawn_blocking(move || account(command, role)).await?
    }

    /// Runs a subcommand to its end.
    pub async fn command(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = beside(&self.program, &self.data_dir, &self.database);
        command.args(arguments);
        let ended = spawn_blocking(move || command.output()).await??;
        let said = String::from_utf8_lossy(&ended.stderr);
        ensure!(ended.status.success(), "{arguments:?} ended with {}: {said}", ended.status);
        Ok(())
    }

    /// When the events at these positions were recorded.
    pub async fn recorded_at(
        &self,
        positions: &[i64],
    ) -> anyhow::Result<HashMap<i64, DateTime<Utc>>> {
        let recorded: Vec<(i64, DateTime<Utc>)> = sqlx::query_as(
            "select position, recorded_at from eventstore.events where position = any($1)",
        )
        .bind(positions)
        .fetch_all(&mut self.database.connect().await?)
        .await?;
        Ok(recorded.into_iter().collect())
    }

    /// What `/readyz` says of search by meaning.
    pub async fn meaning(&self) -> anyhow::Result<String> {
        let ready = reqwest::Client::builder().no_proxy().build()?;
        let ready = ready.get(format!("http://{}/readyz", self.site.address)).send().await?;
        let ready: Value = serde_json::from_str(&ready.text().await?)?;
        let mut checks = ready["checks"].as_array().into_iter().flatten();
        let meaning = checks.find(|check| check["name"] == "meaning");
        let told = meaning.and_then(|check| check["detail"].as_str());
        Ok(told.context("/readyz says nothing of meaning")?.to_owned())
    }

    /// Waits until nothing is left to do from before: every read model has seen all of the log, and
    /// the texts have their vectors, if there is a model to make them.
    pub async fn at_rest(&self) -> anyhow::Result<()> {
        self.catch_up().await?;
        let begun = Instant::now();
        let (mut before, mut since) = (String::new(), begun);
        loop {
            let told = self.meaning().await?;
            let numbers: Vec<&str> =
                told.split(' ').filter(|word| word.parse::<u64>().is_ok()).collect();
            let is_loading = told.ends_with("while the model is loaded");
            if is_loading || numbers.first() != numbers.last() || told != before {
                (before, since) = (told.clone(), Instant::now());
            } else if since.elapsed() >= SETTLED_AFTER {
                return Ok(());
            }
            ensure!(begun.elapsed() < CATCH_UP_MAX, "search by meaning stays so: {told}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits until every read model has seen all of the log.
    pub async fn catch_up(&self) -> anyhow::Result<()> {
        let mut database = self.database.connect().await?;
        let begun = Instant::now();
        loop {
            let behind: Vec<String> = sqlx::query_scalar(
                "select name from projections.builds
                 where state = 'live'
                   and position < (select coalesce(max(last_position), 0) from eventstore.commits)",
            )
            .fetch_all(&mut database)
            .await?;
            if behind.is_empty() {
                return Ok(());
            }
            ensure!(begun.elapsed() < CATCH_UP_MAX, "{behind:?} do not catch up");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Stops it as an operator would.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            local_services::signal(child.id(), Signal::Terminate);
            let ended = spawn_blocking(move || child.wait()).await??;
            ensure!(ended.success(), "`daybook up` ended with {ended}");
        }
        Ok(())
    }
}

impl Drop for System {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            local_services::signal(child.id(), Signal::Terminate);
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.data_dir);
    }
}

/// Where commands go, and somebody who may fill the shelves.
#[derive(Debug, Clone)]
pub struct Site {
    pub address: String,
    token: String,
}

/// What somebody logs in with.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Login {
    pub email: String,
    pub password: String,
}

impl Login {
    fn new() -> Self {
        let email = format!("reader-{}@example.org", Uuid::new_v4().simple());
        Self { email, password: PASSWORD.to_owned() }
    }

    /// An access token.
    pub async fn log_in(&self, address: &str) -> anyhow::Result<String> {
        let answer = post(address, "sessions", "", &json!(self)).await?;
        Ok(answer["access_token"].as_str().context("no token")?.to_owned())
    }
}

impl Site {
    pub async fn at(address: &str, merchandiser: &Login) -> anyhow::Result<Self> {
        let token = merchandiser.log_in(address).await?;
        Ok(Self { address: address.to_owned(), token })
    }

    /// The merchandiser's.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The same merchandiser somewhere else.
    pub fn elsewhere(&self, address: String) -> Self {
        Self { address, token: self.token.clone() }
    }

    /// New members.
    pub async fn members(&self, count: usize) -> anyhow::Result<Vec<Login>> {
        let mut making = JoinSet::new();
        for part in 0..REGISTERED_AT_ONCE {
            let address = self.address.clone();
            making.spawn(async move {
                let mut made = Vec::new();
                for _ in (part..count).step_by(REGISTERED_AT_ONCE) {
                    made.push(register(&address).await?.0);
                }
                anyhow::Ok(made)
            });
        }
        gathered(making).await
    }

    /// A new member's address, and the position of what happened.
    pub async fn registered(&self) -> anyhow::Result<(String, i64)> {
        let (login, position) = register(&self.address).await?;
        Ok((login.email, position))
    }

    /// New books.
    pub async fn books(&self, count: usize) -> anyhow::Result<Vec<Uuid>> {
        let mut making = JoinSet::new();
        for part in 0..BOOKS_AT_ONCE {
            let Self { address, token } = self.clone();
            making.spawn(async move {
                let mut connection = Connection::open(&address).await?;
                let mut made = Vec::new();
                for _ in (part..count).step_by(BOOKS_AT_ONCE) {
                    let id = Uuid::now_v7();
                    let body = json!({ "id": id, "title": "A book", "authors": ["Anonymous"] });
                    let body = body.to_string();
                    let (token, path) = (token.as_str(), "books");
                    let ask = Ask { method: "POST", path, token, headers: "", body: &body };
                    connection.ask(ask).await?.accepted()?;
                    made.push(id);
                }
                anyhow::Ok(made)
            });
        }
        gathered(making).await
    }

    /// A product with so many pieces in stock.
    pub async fn product(&self, pieces: u32) -> anyhow::Result<Uuid> {
        let body = json!({
            "sku": format!("SKU-{}", Uuid::new_v4().simple()), "name": "Reading lamp",
            "price": { "minor": 1999, "currency": "GBP" },
        });
        let answer = post(&self.address, "products", &self.token, &body).await?;
        let id: Uuid = answer["id"].as_str().context("no id")?.parse()?;
        let receipt = json!({ "quantity": pieces });
        post(&self.address, &format!("stock/{id}/receipts"), &self.token, &receipt).await?;
        Ok(id)
    }
}

async fn register(address: &str) -> anyhow::Result<(Login, i64)> {
    let login = Login::new();
    let mut body = json!(login);
    body["display_name"] = "A reader".into();
    let mut connection = Connection::open(address).await?;
    let body = body.to_string();
    let ask = Ask { method: "POST", path: "accounts", token: "", headers: "", body: &body };
    let answer = connection.ask(ask).await?.accepted()?;
    Ok((login, answer.number("consistency-token").context("no consistency-token")?))
}

async fn gathered<T: 'static>(
    mut making: JoinSet<anyhow::Result<Vec<T>>>,
) -> anyhow::Result<Vec<T>> {
    let mut all = Vec::new();
    while let Some(made) = making.join_next().await {
        all.append(&mut made??);
    }
    Ok(all)
}

async fn post(address: &str, path: &str, token: &str, body: &Value) -> anyhow::Result<Value> {
    let mut connection = Connection::open(address).await?;
    let body = body.to_string();
    let ask = Ask { method: "POST", path, token, headers: "", body: &body };
    Ok(connection.ask(ask).await?.accepted()?.json())
}

/// The program, deaf to the settings of whoever measures.
pub fn daybook(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let is_setting = name.starts_with("DAYBOOK_") && name != "DAYBOOK_POSTGRES";
        if is_setting || name.starts_with("DATABASE_URL") || name.starts_with("NATS_URL") {
            command.env_remove(name);
        }
    }
    command.envs(runtime_dir().map(|folder| ("DAYBOOK_RUNTIME_DIR", folder)));
    command.env("DAYBOOK_RATE_LIMITS", "false");
    command
}

/// Where programs that have to be fetched are kept: once, not for every run.
pub fn runtime_dir() -> Option<PathBuf> {
    let configured = std::env::var_os("DAYBOOK_RUNTIME_DIR").map(PathBuf::from);
    configured.or_else(|| local_services::testing::options().runtime_dir)
}

/// The program on the same database and folder.
fn beside(program: &Path, data_dir: &Path, database: &Database) -> Command {
    let mut command = daybook(program);
    command.arg("--data-dir").arg(data_dir).env("DATABASE_URL", &database.url);
    command
}

/// Starts a program of ours and waits until it says where it serves. Blocks.
pub fn start(mut command: Command, log: &Path) -> anyhow::Result<(Child, String)> {
    let errors = fs::File::options().create(true).append(true).open(log)?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
    let mut child = spawn_bound_to_us(command, Signal::Terminate)?;
    let output = child.stdout.take().context("its output is ours")?;
    let mut lines = BufReader::new(output).lines();
    let ready = lines.by_ref().map_while(Result::ok).find(|line| line.starts_with("Daybook "));
    let Some(ready) = ready else {
        let ended = child.wait()?;
        let words = fs::read_to_string(log).unwrap_or_default();
        bail!("{ended} instead of being ready: {words}");
    };
    // Nobody reads on, and a full pipe would stop the program.
    std::thread::spawn(move || lines.for_each(drop));
    let (_, address) = ready.split_once(" on http://").context("it says where it serves")?;
    let address = address.split(". ").next().unwrap_or_default().trim_end_matches('.');
    Ok((child, address.to_owned()))
}

/// Makes an account by `daybook account create`, with the settings `command` has. Blocks.
pub fn account(mut command: Command, role: &str) -> anyhow::Result<Login> {
    let login = Login::new();
    command.args(["account", "create", "--password-stdin", "--role", role]);
    command.args(["--email", &login.email]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn()?;
    child.stdin.take().context("its input is ours")?.write_all(login.password.as_bytes())?;
    let ended = child.wait()?;
    ensure!(ended.success(), "`daybook account create` ended with {ended}");
    Ok(login)
}
