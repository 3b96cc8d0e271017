//! The Postgres a benchmark works on: durable as in production, a fresh database per contender.

use std::time::Duration;

use anyhow::Context;
use eventstore::Log;
use eventstore::personal::{PersonalKeys, RootKeys};
use local_services::Services;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, PgPool, Row};
use uuid::Uuid;

use crate::{Machine, Options};

/// Enough for the widest reference and ours at once.
const CONNECTIONS_MAX: u32 = 300;
/// How long a committer may wait for a connection of its pool.
const ACQUIRE_MAX: Duration = Duration::from_secs(60);

/// A server for one benchmark: the configured one, or one of our own, gone at the end.
#[derive(Debug)]
pub struct Server {
    address: PgConnectOptions,
    version: String,
    /// Dropping them stops the server.
    _services: Option<Services>,
}

/// A database of one contender, so that nobody works on another's tables.
#[derive(Debug, Clone)]
pub struct Database {
    pub url: String,
    options: PgConnectOptions,
}

impl Server {
    /// One that waits for the disk: whoever does not is fast.
    pub async fn start(options: &Options) -> anyhow::Result<Self> {
        let server = match &options.database_url {
            Some(url) => Self::of(url).await?,
            None => {
                let (url, services) = tokio::task::spawn_blocking(start_our_own).await??;
                Self { _services: Some(services), ..Self::of(&url).await? }
            }
        };
        let mut admin = server.address.connect().await?;
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let row = sqlx::query("select current_setting($1)")
                .bind(setting)
                .fetch_one(&mut admin)
                .await?;
            let value: String = row.get(0);
            anyhow::ensure!(
                value == "on",
                "{setting} is {value}: what is measured must be durable"
            );
        }
        admin.close().await?;
        Ok(server)
    }

    /// Whatever server that is.
    pub async fn of(url: &str) -> anyhow::Result<Self> {
        let address: PgConnectOptions = url.parse().context("the database's address")?;
        let mut admin = address.connect().await.context("the database")?;
        let row = sqlx::query("select current_setting('server_version')").fetch_one(&mut admin);
        let version = row.await?.get(0);
        admin.close().await?;
        Ok(Self { address, version, _services: None })
    }

    /// For contenders who only insert: autovacuum would clean up behind one while the next one
    /// works. Each of them calls [`Database::tidy`] instead. A server that is not ours stays as it is.
    pub async fn without_autovacuum(self) -> anyhow::Result<Self> {
        if self._services.is_some() {
            let mut admin = self.address.connect().await?;
            admin.execute("alter system set autovacuum = off").await?;
            admin.execute("select pg_reload_conf()").await?;
            admin.close().await?;
        }
        Ok(self)
    }

    pub fn machine(&self) -> Machine {
        Machine::this(self.version.as_str())
    }

    /// A new, empty database. On a server that is not ours it stays: it may be worth a look.
    pub async fn database(&self, name: &str) -> anyhow::Result<Database> {
        let name = format!("bench_{name}_{}", Uuid::new_v4().simple());
        let mut admin = self.address.connect().await?;
        admin.execute(format!("create database {name} template template0").as_str()).await?;
        admin.close().await?;
        let options = self.address.clone().database(&name);
        Ok(Database { url: options.to_url_lossy().to_string(), options })
    }

    /// A new database with our tables.
    pub async fn migrated(&self, name: &str) -> anyhow::Result<Database> {
        let database = self.database(name).await?;
        let pool = database.pool(1).await?;
        eventstore::migrate(&pool).await?;
        pool.close().await;
        Ok(database)
    }

    /// Writes out what the last contender left in memory, so that the next one does not pay for it.
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

    /// Connections that are there from the start, stay, and are not asked before each use whether
    /// they live: that would be a round trip more.
    pub async fn pool(&self, connections: usize) -> anyhow::Result<PgPool> {
        let connections = u32::try_from(connections)?;
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .min_connections(connections)
            .acquire_timeout(ACQUIRE_MAX)
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

    /// The log as a process of ours opens it.
    pub async fn log(&self) -> anyhow::Result<Log> {
        let pool = self.pool(8).await?;
        let roots = RootKeys { master: [1; 32], lookup: [2; 32] };
        let keys = PersonalKeys::new(pool.clone(), roots);
        Ok(Log::open(pool, keys, eventstore::Options::default()).await?)
    }

    /// Pays now for what a turn left to be done later, so that the next contender does not: vacuums
    /// and analyzes what was written, and writes dirty pages to the disk. Everybody thus starts a
    /// turn right after a checkpoint, and pays for the full-page images that follow one.
    pub async fn tidy(&self, tables: &str) -> anyhow::Result<()> {
        let mut connection = self.connect().await?;
        connection.execute(format!("vacuum (analyze) {tables}").as_str()).await?;
        connection.execute("checkpoint").await?;
        connection.close().await?;
        Ok(())
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
