//! What people would take instead: stock postgres-es on its own table.

use std::sync::Arc;
use std::time::Duration;

use cqrs_es::DomainEvent;
use cqrs_es::persist::{PersistedEventRepository, SerializedEvent};
use postgres_es::PostgresEventRepository;
use sqlx::{Executor, PgPool};

use crate::committers::{self, Done};
use crate::database::{Database, Server};
use crate::rating::{Aggregate, Rated};

/// As postgres-es documents it.
pub const TABLE: &str = include_str!("postgres_es.sql");
/// How many connections are tried to find its best: at most one a committer is of any use.
const CONNECTIONS_TRIED: [usize; 5] = [8, 16, 32, 64, 128];
/// Each is tried so often, and its best trial counts: this machine may have other things to do.
const TRIALS: usize = 2;
/// A trial is this part of a turn.
const TRIAL: u32 = 5;

/// So many committers sharing a pool.
pub struct PostgresEs {
    database: Database,
    committers: usize,
    pool: PgPool,
    /// What was tried, for people.
    pub trials: String,
}

impl PostgresEs {
    pub async fn start(server: &Server, committers: usize) -> anyhow::Result<Self> {
        let database = server.database("postgres_es").await?;
        let pool = database.pool(committers.min(64)).await?;
        pool.execute(TABLE).await?;
        Ok(Self { database, committers, pool, trials: String::new() })
    }

    /// Finds the number of connections that it does most with, and stays with it.
    pub async fn with_best_connections(mut self, turn: Duration) -> anyhow::Result<Self> {
        let mut trials = Vec::new();
        let connections_max = self.committers.max(CONNECTIONS_TRIED[0]);
        for connections in CONNECTIONS_TRIED {
            if connections > connections_max {
                break;
            }
            self.use_connections(connections).await?;
            let mut best = 0.0_f64;
            for _ in 0..TRIALS {
                best = best.max(self.work(turn / TRIAL).await?.rate);
            }
            trials.push((connections, best));
        }
        self.tidy().await?;
        let best = trials.iter().copied().max_by(|one, other| one.1.total_cmp(&other.1));
        let (best, _) = best.unwrap_or((self.committers, 0.0));
        self.use_connections(best).await?;
        let rates: Vec<String> =
            trials.iter().map(|(connections, rate)| format!("{connections}: {rate:.0}")).collect();
        self.trials = format!(
            "postgres-es runs with {best} connections, its best of a trial (events/s by \
             connections: {})",
            rates.join(", ")
        );
        Ok(self)
    }

    async fn use_connections(&mut self, connections: usize) -> anyhow::Result<()> {
        self.pool.close().await;
        self.pool = self.database.pool(connections).await?;
        Ok(())
    }

    pub async fn work(&mut self, time: Duration) -> anyhow::Result<Done> {
        let repository = Arc::new(PostgresEventRepository::new(self.pool.clone()));
        let done = committers::work(self.committers, time, move || {
            let repository = repository.clone();
            async move {
                let events = serialized(&Rated::new(1))?;
                repository.persist::<Aggregate>(&events, None).await?;
                Ok(events.len())
            }
        })
        .await?;
        Ok(done)
    }

    /// See [`Database::tidy`].
    pub async fn tidy(&self) -> anyhow::Result<()> {
        self.database.tidy("events").await
    }
}

fn serialized(rated: &Rated) -> anyhow::Result<Vec<SerializedEvent>> {
    let mut serialized = Vec::new();
    for (sequence, event) in rated.events() {
        serialized.push(SerializedEvent::new(
            rated.stream(),
            usize::try_from(sequence)?,
            Rated::stream_type().to_owned(),
            event.event_type(),
            event.event_version(),
            serde_json::to_value(&event)?,
            serde_json::to_value(rated.metadata())?,
        ));
    }
    Ok(serialized)
}
