//! The database and the bus behind a subcommand: configured, running already, or started now.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use eventstore::bus::stream_bytes;
use eventstore::personal::PersonalKeys;
use eventstore::{Bus, BusOptions, Log};
use local_services::{Options, Services, attach, disk_free};
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

use crate::keys::Keys;
use crate::settings::Settings;

const CONNECT_MAX: Duration = Duration::from_secs(10);
const BUS_WAIT_MAX: Duration = Duration::from_secs(2);
const BUS_LOOK_AGAIN: Duration = Duration::from_millis(10);
const CLOSE_MAX: Duration = Duration::from_secs(1);
const REVIVE_EVERY: Duration = Duration::from_millis(500);

/// How a subcommand stands to the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tenure {
    /// `up`: starts what is not configured, brings the database up to date, makes keys.
    Owner { ephemeral: bool },
    /// `serve`: everything is configured, and the database up to date.
    Server,
    /// Uses what is there, and starts Postgres for the time needed if nothing is.
    Guest,
}

/// What every subcommand works on.
pub struct Backend {
    pub pool: PgPool,
    pub keys: Keys,
    pub data_dir: PathBuf,
    /// What was started or found, a line each.
    pub description: Vec<String>,
    nats_url: Option<String>,
    nats_replicas: usize,
    connections_max: u32,
    /// Where wrapping keys are kept if not in the database.
    key_directory: Option<PathBuf>,
    services: Option<Arc<Mutex<Services>>>,
}

struct Urls {
    database: String,
    nats: Option<String>,
    services: Option<Services>,
    description: Vec<String>,
}

impl Backend {
    pub async fn open(settings: &Settings, tenure: Tenure) -> anyhow::Result<Self> {
        let ours = settings.clone();
        let urls = tokio::task::spawn_blocking(move || find(&ours, tenure)).await??;
        let data_dir = urls
            .services
            .as_ref()
            .map_or_else(|| settings.data_dir.clone(), |services| services.data_dir().to_owned());
        let pool = connect(&urls.database, settings.connections_max).await?;
        let is_ours = settings.database_url.is_none();
        let owner = matches!(tenure, Tenure::Owner { .. });
        if owner || (is_ours && urls.services.is_some()) {
            eventstore::migrate(&pool)
                .await
                .context("the database cannot be brought up to date")?;
        } else {
            up_to_date(&pool).await?;
        }
        let keys = match Keys::configured(settings)? {
            Some(keys) => keys,
            None if tenure == Tenure::Server => bail!(
                "keys are not configured. Set DAYBOOK_MASTER_KEY, DAYBOOK_LOOKUP_KEY and \
                 DAYBOOK_SIGNING_KEYS, or the same with _FILE; `openssl rand -base64 32` makes one"
            ),
            None => match Keys::kept(&data_dir)? {
                Some(keys) => keys,
                None if owner || is_ours => {
                    never_used(&pool).await?;
                    Keys::make(&data_dir)?
                }
                None => bail!(
                    "there are no keys for this database: configure those it was made with, or \
                     name the --data-dir that has them"
                ),
            },
        };
        let key_directory = match &settings.key_directory {
            Some(directory) => Some(directory.clone()),
            None => is_ours.then(|| data_dir.join("keys").join("wrapping")),
        };
        Ok(Self {
            pool,
            keys,
            key_directory,
            data_dir,
            description: urls.description,
            nats_url: urls.nats,
            nats_replicas: settings.nats_replicas.get(),
            connections_max: settings.connections_max,
            services: urls.services.map(|services| Arc::new(Mutex::new(services))),
        })
    }

    /// Another pool to the same database, so that one role's load does not starve another.
    pub async fn another_pool(&self) -> anyhow::Result<PgPool> {
        let options = (*self.pool.connect_options()).clone();
        connect_with(options, self.connections_max).await
    }

    pub fn personal_keys(&self) -> PersonalKeys {
        self.personal_keys_on(self.pool.clone())
    }

    /// The same keys, asked for over another pool.
    pub fn personal_keys_on(&self, pool: PgPool) -> PersonalKeys {
        let roots = self.keys.roots.clone();
        match &self.key_directory {
            Some(directory) => PersonalKeys::with_key_directory(pool, roots, directory.clone()),
            None => PersonalKeys::new(pool, roots),
        }
    }

    pub async fn log(&self) -> anyhow::Result<Log> {
        let options = eventstore::Options::default();
        Ok(Log::open(self.pool.clone(), self.personal_keys(), options).await?)
    }

    /// The bus, if there is one. A server that is away for the moment is one.
    pub async fn bus(&self) -> anyhow::Result<Option<Bus>> {
        match &self.nats_url {
            Some(url) => {
                let mut options =
                    BusOptions { replicas: self.nats_replicas, ..BusOptions::default() };
                if self.services.is_some() {
                    let free = disk_free(&self.data_dir).unwrap_or(u64::MAX);
                    options.stream_bytes_max = stream_bytes(free);
                }
                let bus = Bus::connect_with(url, options).await?;
                // The connection is made behind our back; a server that is there answers soon.
                let asked = Instant::now();
                while !bus.is_connected() && asked.elapsed() < BUS_WAIT_MAX {
                    tokio::time::sleep(BUS_LOOK_AGAIN).await;
                }
                Ok(Some(bus))
            }
            None => Ok(None),
        }
    }

    /// Starts again those of our services that were killed or fell, for ever.
    pub async fn keep_services_alive(&self) -> Infallible {
        let Some(services) = self.services.clone() else {
            return std::future::pending().await;
        };
        loop {
            tokio::time::sleep(REVIVE_EVERY).await;
            let services = services.clone();
            let looked = tokio::task::spawn_blocking(move || {
                services.lock().unwrap_or_else(PoisonError::into_inner).revive()
            });
            match looked.await {
                Ok(Ok(revived)) => revived.iter().for_each(|service| {
                    tracing::warn!(service, "{service} had ended and was started again");
                }),
                Ok(Err(error)) => {
                    tracing::error!(%error, "a service does not start again: {error}")
                }
                Err(error) => tracing::error!(%error, "services are not looked after: {error}"),
            }
        }
    }

    /// Closes the connections and stops what was started.
    pub async fn close(self) {
        // Whoever still holds a connection must not hold us.
        let _ = tokio::time::timeout(CLOSE_MAX, self.pool.close()).await;
        let services = self.services.clone();
        drop(self);
        // Stopping waits for processes, which is no work for this thread.
        let _ = tokio::task::spawn_blocking(move || drop(services)).await;
    }
}

/// Brings the database up to date; answers the newest migration. Needs no keys.
pub async fn migrate(settings: &Settings) -> anyhow::Result<i64> {
    let ours = settings.clone();
    let urls = tokio::task::spawn_blocking(move || find(&ours, Tenure::Guest)).await??;
    let pool = connect(&urls.database, settings.connections_max).await?;
    eventstore::migrate(&pool).await.context("the database cannot be brought up to date")?;
    let newest =
        sqlx::query_scalar("select max(version) from _sqlx_migrations").fetch_one(&pool).await?;
    pool.close().await;
    let _ = tokio::task::spawn_blocking(move || drop(urls.services)).await;
    Ok(newest)
}

/// Blocks: starting servers takes its time.
fn find(settings: &Settings, tenure: Tenure) -> anyhow::Result<Urls> {
    let configured_nats = settings.nats_url.as_ref().map(|url| url.expose().to_owned());
    let configured = settings.database_url.as_ref().map(|url| url.expose().to_owned());
    let mut description = Vec::new();
    match (&configured, tenure) {
        (None, Tenure::Server) => bail!(
            "DATABASE_URL is not set. `serve` runs parts of a system that is configured; \
             `daybook up` runs all of it with a database of its own"
        ),
        (Some(database), Tenure::Server | Tenure::Guest) => {
            let database = database.clone();
            return Ok(Urls { database, nats: configured_nats, services: None, description });
        }
        (None, Tenure::Guest) => {
            if let Some(running) = attach(&settings.data_dir)
                && let Some(database) = running.database_url
            {
                let nats = configured_nats.or(running.nats_url);
                description.push(format!("the services of process {}", running.pid));
                return Ok(Urls { database, nats, services: None, description });
            }
        }
        (_, Tenure::Owner { .. }) => {}
    }
    let ephemeral = tenure == Tenure::Owner { ephemeral: true };
    let options = Options {
        // Even where nothing is kept, nothing is fetched twice.
        runtime_dir: Some(settings.runtime_dir()),
        postgres: configured.is_none(),
        postgres_source: settings.postgres.into(),
        nats: configured_nats.is_none() && tenure != Tenure::Guest,
        ..if ephemeral { Options::ephemeral() } else { Options::new(&settings.data_dir) }
    };
    let services = local_services::start(&options)?;
    description.extend(services.describe());
    let database = configured.or_else(|| services.database_url());
    Ok(Urls {
        database: database.context("no database was started")?,
        nats: configured_nats.or_else(|| services.nats_url()),
        services: Some(services),
        description,
    })
}

async fn connect(url: &str, connections_max: u32) -> anyhow::Result<PgPool> {
    let options: PgConnectOptions = url.parse().context("DATABASE_URL cannot be understood")?;
    connect_with(options.application_name("daybook"), connections_max).await
}

async fn connect_with(options: PgConnectOptions, connections_max: u32) -> anyhow::Result<PgPool> {
    eventstore::pool_options(connections_max)
        .acquire_timeout(CONNECT_MAX)
        .connect_with(options)
        .await
        .context("the database cannot be reached")
}

pub async fn up_to_date(pool: &PgPool) -> anyhow::Result<()> {
    // Not the newest alone: the numbers belong to parts of the program, and each grows by itself.
    let applied: Vec<i64> =
        sqlx::query_scalar("select version from _sqlx_migrations where success")
            .fetch_all(pool)
            .await
            .unwrap_or_default();
    if !eventstore::MIGRATOR.iter().all(|wanted| applied.contains(&wanted.version)) {
        bail!("the database is older than this program: run `daybook migrate` first");
    }
    Ok(())
}

/// New keys for a log with events in it would leave the personal data in them unreadable.
async fn never_used(pool: &PgPool) -> anyhow::Result<()> {
    let used: bool =
        sqlx::query_scalar("select exists (select from eventstore.events)").fetch_one(pool).await?;
    if used {
        bail!(
            "this database has events, but the keys it was made with are missing: put them back \
             into the `keys` folder of the data directory, or configure them"
        );
    }
    Ok(())
}
