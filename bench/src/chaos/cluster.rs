//! The system in pieces: a durable Postgres, a nats-server, and our roles as processes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use local_services::{Services, Signal, signal};
use service_kit::auth::KeyRing;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use tokio::task::spawn_blocking;

use super::proxy::{Proxy, Telling, Upstream};
use crate::system::{daybook, runtime_dir, start};

/// A message is published; its acknowledgement says where it stands.
const PUBLISHED: Telling = Telling { asked: b"HPUB ", answered: b"\"seq\"" };
/// Only appends carry the metadata of events; the server answers when they are committed.
const APPENDED: Telling = Telling { asked: b"traceparent", answered: b"" };

/// A process of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Commands,
    /// Projections and processes.
    Workers,
    Relay,
}

impl Part {
    pub const ALL: [Self; 3] = [Self::Commands, Self::Workers, Self::Relay];

    const fn roles(self) -> &'static [&'static str] {
        match self {
            Self::Commands => &["command-api"],
            Self::Workers => &["projections", "processes"],
            Self::Relay => &["relay"],
        }
    }
}

/// Everything that can be killed. What still runs ends with us.
pub struct Cluster {
    pub dir: PathBuf,
    pub database_url: String,
    pub nats_url: String,
    /// Where commands go; the same after each restart.
    pub address: String,
    /// Between the relay and NATS.
    pub to_bus: Proxy,
    /// Between the command side and Postgres.
    pub to_database: Proxy,
    program: PathBuf,
    keys: [(&'static str, String); 3],
    services: Arc<Mutex<Services>>,
    children: [Option<Child>; 3],
}

impl Cluster {
    pub async fn start(program: &Path, dir: PathBuf) -> anyhow::Result<Self> {
        let options = local_services::Options {
            runtime_dir: runtime_dir(),
            ..local_services::Options::new(&dir)
        };
        let services = spawn_blocking(move || local_services::start(&options)).await??;
        let database_url = services.database_url().context("no Postgres was started")?;
        let nats_url = services.nats_url().context("chaos needs a nats-server")?;
        let parsed: PgConnectOptions = database_url.parse()?;
        let socket = parsed.get_socket().context("our Postgres has a socket")?;
        let socket = socket.join(format!(".s.PGSQL.{}", parsed.get_port()));
        let (_, bus) = nats_url.rsplit_once('@').context("our nats-server has a password")?;
        let key = || KeyRing::new_line();
        let mut cluster = Self {
            to_bus: Proxy::start(Upstream::Tcp(bus.to_owned()), PUBLISHED).await?,
            to_database: Proxy::start(Upstream::Unix(socket), APPENDED).await?,
            address: "127.0.0.1:0".to_owned(),
            program: program.to_owned(),
            keys: [
                ("DAYBOOK_MASTER_KEY", key()),
                ("DAYBOOK_LOOKUP_KEY", key()),
                ("DAYBOOK_SIGNING_KEYS", key()),
            ],
            services: Arc::new(Mutex::new(services)),
            children: [const { None }; 3],
            dir,
            database_url,
            nats_url,
        };
        let mut migrate = cluster.configured();
        migrate.arg("migrate").stdout(std::process::Stdio::null());
        let migrated = spawn_blocking(move || migrate.status()).await??;
        anyhow::ensure!(migrated.success(), "`daybook migrate` ended with {migrated}");
        cluster.restart(&Part::ALL).await?;
        Ok(cluster)
    }

    /// The program, configured for this cluster, past the proxies.
    pub fn configured(&self) -> Command {
        let mut command = daybook(&self.program);
        command.env("DATABASE_URL", &self.database_url).env("NATS_URL", &self.nats_url);
        command.envs(self.keys.clone()).current_dir(&self.dir);
        command
    }

    /// Starts what does not run.
    pub async fn restart(&mut self, parts: &[Part]) -> anyhow::Result<()> {
        let mut starting = Vec::new();
        for part in parts.iter().copied() {
            let command = self.command(part);
            let log = self.dir.join(format!("{}.log", part.roles()[0]));
            starting.push((part, spawn_blocking(move || start(command, &log))));
        }
        for (part, started) in starting {
            let (child, address) = started.await??;
            if part == Part::Commands {
                self.address = address;
            }
            self.children[part as usize] = Some(child);
        }
        Ok(())
    }

    fn command(&self, part: Part) -> Command {
        let mut command = self.configured();
        command.arg("serve");
        for role in part.roles() {
            command.args(["--role", role]);
        }
        match part {
            Part::Commands => {
                let port = self.to_database.port;
                let url = format!("postgresql://postgres@127.0.0.1:{port}/daybook?sslmode=disable");
                command.env("DATABASE_URL", url).args(["--listen", &self.address]);
            }
            Part::Workers => drop(command.args(["--listen", "127.0.0.1:0"])),
            Part::Relay => {
                let (who, _) = self.nats_url.rsplit_once('@').unwrap_or_default();
                command.env("NATS_URL", format!("{who}@127.0.0.1:{}", self.to_bus.port));
                command.args(["--listen", "127.0.0.1:0"]);
            }
        }
        command
    }

    pub fn signal(&self, part: Part, sent: Signal) {
        if let Some(child) = &self.children[part as usize] {
            signal(child.id(), sent);
        }
    }

    /// `kill -9`, and nothing is left of it when this returns.
    pub async fn kill(&mut self, part: Part) -> anyhow::Result<()> {
        if let Some(mut child) = self.children[part as usize].take() {
            signal(child.id(), Signal::Kill);
            spawn_blocking(move || child.wait()).await??;
        }
        Ok(())
    }

    pub fn kill_postgres(&self) {
        let services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        services.postgres_pid().into_iter().for_each(|pid| signal(pid, Signal::Kill));
    }

    pub fn kill_nats(&self) {
        let services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        services.nats_pid().into_iter().for_each(|pid| signal(pid, Signal::Kill));
    }

    /// Starts again the server that was killed; one of these there must be.
    pub async fn revive(&self, expected: usize) -> anyhow::Result<()> {
        let mut revived = 0;
        let begun = std::time::Instant::now();
        while revived < expected {
            let services = self.services.clone();
            let looked = spawn_blocking(move || {
                services.lock().unwrap_or_else(PoisonError::into_inner).revive()
            });
            revived += looked.await??.len();
            anyhow::ensure!(begun.elapsed() < super::WAIT_MAX, "a killed server does not end");
            tokio::time::sleep(super::LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// A session of our own, past the proxy.
    pub async fn connect(&self) -> anyhow::Result<PgConnection> {
        let options: PgConnectOptions = self.database_url.parse()?;
        Ok(options.application_name("chaos").connect().await?)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.children.iter_mut().flatten() {
            signal(child.id(), Signal::Kill);
            let _ = child.wait();
        }
    }
}
