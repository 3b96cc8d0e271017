//! The Postgres a benchmark works on: durable as in production, a fresh database per contender.

use anyhow::Context;
use local_services::Services;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, PgPool, Row};

use crate::{Machine, Options};

/// Enough for the widest reference and ours at once.
const CONNECTIONS_MAX: u32 = 300;

/// A server for one benchmark: the configured one, or one of our own, gone at the end.
#[derive(Debug)]
pub struct Server {
    address: PgConnectOptions,
    version: String,
    /// Dropped last: stops the server.
    _services: Option<Services>,
}

/// A database of one contender, so that nobody works on another's tables. [`Database::drop`] is
/// what removes it from a server that is not ours.
#[derive(Debug, Clone)]
pub struct Database {
    pub url: String,
    options: PgConnectOptions,
}

impl Server {
    /// `fsync` and `synchronous_commit` must be on: whoever does not wait for the disk is fast.
    pub async fn start(options: &Options) -> anyhow::Result<Self> {
        let (url, services) = match &options.database_url {
            Some(url) => (url.clone(), None),
            None => {
                let (url, services) = tokio::task::spawn_blocking(start_our_own).await??;
                (url, Some(services))
            }
        };
        let address: PgConnectOptions = url.parse().context("the database's address")?;
        let mut connection = address.connect().await.context("the database")?;
        let row = sqlx::query(
            "select current_setting('server_version') as version, current_setting('fsync') as fsync,
                    current_setting('synchronous_commit') as synchronous_commit,
                    current_setting('full_page_writes') as full_page_writes",
        )
        .fetch_one(&mut connection)
        .await?;
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let value: String = row.get(setting);
            anyhow::ensure!(value == "on", "{setting} is {value}: what is measured must be durable");
        }
        connection.close().await?;
        Ok(Self { address, version: row.get("version"), _services: services })
    }

    pub fn machine(&self) -> Machine {
        Machine::this(self.version.as_str())
    }

    /// A new, empty database.
    pub async fn database(&self, name: &str) -> anyhow::Result<Database> {
        let name = format!("bench_{name}_{}", uuid::Uuid::new_v4().simple());
        let mut admin = self.address.connect().await?;
        admin.execute(format!("create database {name} template template0").as_str()).await?;
        admin.close().await?;
        let options = self.address.clone().database(&name);
        Ok(Database { url: options.to_url_lossy().to_string(), options })
    }

    /// Writes out what the last contender left in memory and lets the disk come to rest, so that
    /// the next one does not pay for it: dirty pages and the first full-page images after them are
    /// everybody's own.
    pub async fn settle(&self) -> anyhow::Result<()> {
        let mut admin = self.address.connect().await?;
        admin.execute("checkpoint").await?;
        admin.close().await?;
        Ok(())
    }
}

impl Database {
    /// One that is there already.
    pub fn at(url: &str) -> anyhow::Result<Self> {
        let options: PgConnectOptions = url.parse().context("the database's address")?;
        Ok(Self { url: url.to_owned(), options })
    }

    pub async fn pool(&self, connections: usize) -> anyhow::Result<PgPool> {
        let connections = u32::try_from(connections)?;
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .min_connections(connections)
            .acquire_timeout(std::time::Duration::from_secs(60))
            // Asking a connection whether it lives before each use is a round trip more.
            .test_before_acquire(false)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_with(self.options.clone())
            .await?;
        Ok(pool)
    }

    pub async fn connect(&self) -> anyhow::Result<PgConnection> {
        Ok(self.options.connect().await?)
    }
}

fn start_our_own() -> anyhow::Result<(String, Services)> {
    let options = local_services::Options {
        durable: true,
        nats: false,
        connections_max: CONNECTIONS_MAX,
        ..local_services::Options::ephemeral()
    };
    let services = local_services::start(&options)?;
    let url = services.url_of("postgres").context("no Postgres was started")?;
    Ok((url, services))
}
