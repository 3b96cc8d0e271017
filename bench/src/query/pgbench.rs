//! pgbench, where this machine has it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use sqlx::Executor;
use tokio::task::spawn_blocking;

use crate::Database;

/// So that a script can draw a book or a reader by its number.
const NUMBERED: &str = "
    create schema bench;
    create table bench.books as
        select row_number() over (order by position) as n, book from readmodel.books;
    create unique index on bench.books (n);
    create table bench.readers as
        select row_number() over (order by account) as n, account from readmodel.profiles;
    create unique index on bench.readers (n);
    analyze bench.books, bench.readers;";

pub struct Pgbench {
    program: PathBuf,
    url: String,
}

impl Pgbench {
    /// None, said aloud, where there is none.
    pub async fn found(database: &Database) -> anyhow::Result<Option<Self>> {
        let Some(program) = program() else {
            eprintln!("there is no pgbench here: nothing to compare with");
            return Ok(None);
        };
        database.connect().await?.execute(NUMBERED).await?;
        Ok(Some(Self { program, url: of_libpq(&database.url) }))
    }

    /// How often a second that many clients get through a script.
    pub async fn rate(&self, script: &str, clients: usize, round: Duration) -> anyhow::Result<f64> {
        let file = std::env::temp_dir().join(format!("daybook-bench-{}.sql", uuid::Uuid::new_v4()));
        std::fs::write(&file, script)?;
        let mut command = Command::new(&self.program);
        command.args(["--no-vacuum", "--protocol", "prepared", "--jobs", "2", "--client"]);
        command.arg(clients.to_string()).arg("--time");
        command.arg(round.as_secs().max(1).to_string()).arg("--file").arg(&file).arg(&self.url);
        let output = spawn_blocking(move || command.output()).await?;
        let _ = std::fs::remove_file(&file);
        let output = output?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next());
        rate.and_then(|rate| rate.parse().ok()).with_context(|| format!("no rate in: {said}"))
    }
}

/// Without the parameter of an address that only our own client knows.
fn of_libpq(url: &str) -> String {
    let Some((address, parameters)) = url.split_once('?') else { return url.to_owned() };
    let known = parameters.split('&').filter(|it| !it.starts_with("statement-cache-capacity="));
    format!("{address}?{}", known.collect::<Vec<_>>().join("&"))
}

/// On the path, or where `pg_config` says that Postgres's programs are.
fn program() -> Option<PathBuf> {
    let named = |program: PathBuf| {
        let answers = Command::new(&program).arg("--version").output();
        answers.is_ok_and(|output| output.status.success()).then_some(program)
    };
    named("pgbench".into()).or_else(|| {
        let output = Command::new("pg_config").arg("--bindir").output().ok()?;
        named(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()).join("pgbench"))
    })
}
