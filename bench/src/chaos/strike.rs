//! The ways in which something is killed, and what each waits for before it does.

use std::time::Instant;

use anyhow::ensure;
use local_services::Signal;
use serde::Serialize;
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::sleep;

use super::cluster::{Cluster, Part};
use super::proxy::Proxy;
use super::{LOOK_AGAIN, Run, WAIT_MAX};

/// Acknowledged by the client while the relay stands still.
const UNPUBLISHED: u64 = 10;

/// What is killed, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strike {
    Postgres,
    NatsServer,
    CommandApi,
    Workers,
    Relay,
    Everything,
    /// The relay, with events in the log that it has not published.
    AppendedNotPublished,
    /// The relay, with events in the stream whose acknowledgement it has not seen.
    PublishedNotAcknowledged,
    /// The projections, between moving a checkpoint and writing the rows.
    CheckpointMovedRowsNot,
    /// The connections of the command side, with appends done whose answer it has not seen.
    AppendedNotAnswered,
}

impl Strike {
    pub const ALL: [Self; 10] = [
        Self::Postgres,
        Self::NatsServer,
        Self::CommandApi,
        Self::Workers,
        Self::Relay,
        Self::Everything,
        Self::AppendedNotPublished,
        Self::PublishedNotAcknowledged,
        Self::CheckpointMovedRowsNot,
        Self::AppendedNotAnswered,
    ];

    pub const fn words(self) -> &'static str {
        match self {
            Self::Postgres => "the postmaster",
            Self::NatsServer => "nats-server",
            Self::CommandApi => "command-api",
            Self::Workers => "projections and processes",
            Self::Relay => "the relay",
            Self::Everything => "all of these at once",
            Self::AppendedNotPublished => "relay: appended, not published",
            Self::PublishedNotAcknowledged => "relay: published, no ack seen",
            Self::CheckpointMovedRowsNot => "projections: between checkpoint and rows",
            Self::AppendedNotAnswered => "command-api: appended, no answer seen",
        }
    }
}

impl Run {
    /// Kills, and starts again what was killed.
    pub async fn strike(&mut self, strike: Strike) -> anyhow::Result<()> {
        let cluster = &mut self.cluster;
        match strike {
            Strike::Postgres => {
                cluster.kill_postgres();
                cluster.revive(1).await
            }
            Strike::NatsServer => {
                cluster.kill_nats();
                cluster.revive(1).await
            }
            Strike::CommandApi => again(cluster, Part::Commands).await,
            Strike::Workers => again(cluster, Part::Workers).await,
            Strike::Relay => again(cluster, Part::Relay).await,
            Strike::Everything => {
                cluster.kill_postgres();
                cluster.kill_nats();
                for part in Part::ALL {
                    cluster.kill(part).await?;
                }
                cluster.revive(2).await?;
                cluster.restart(&Part::ALL).await
            }
            Strike::AppendedNotPublished => self.appended_not_published().await,
            Strike::PublishedNotAcknowledged => self.published_not_acknowledged().await,
            Strike::CheckpointMovedRowsNot => self.checkpoint_moved_rows_not().await,
            Strike::AppendedNotAnswered => self.appended_not_answered().await,
        }
    }

    /// What is acknowledged while the relay stands still is in the log and nowhere else.
    async fn appended_not_published(&mut self) -> anyhow::Result<()> {
        self.cluster.signal(Part::Relay, Signal::Stop);
        let so_far = self.client.acknowledged()?;
        self.client.until(so_far + UNPUBLISHED).await?;
        again(&mut self.cluster, Part::Relay).await
    }

    /// The proxy has swallowed an acknowledgement: the message is stored, and the relay waits.
    async fn published_not_acknowledged(&mut self) -> anyhow::Result<()> {
        self.cluster.to_bus.go_deaf();
        swallowed(&self.cluster.to_bus).await?;
        self.cluster.kill(Part::Relay).await?;
        self.cluster.to_bus.cut();
        self.cluster.restart(&[Part::Relay]).await
    }

    /// A projection moves its checkpoint first and writes its rows then, in one transaction. With
    /// its table locked from outside it hangs between the two; nobody else sees the checkpoint move,
    /// and when the process is killed there the move has never happened.
    async fn checkpoint_moved_rows_not(&mut self) -> anyhow::Result<()> {
        let mut holder = self.cluster.connect().await?;
        let mut looker = self.cluster.connect().await?;
        let build: String = sqlx::query_scalar(
            "select schema from projections.builds where name = 'item_ratings' and state = 'live'",
        )
        .fetch_one(&mut looker)
        .await?;
        let mut lock = holder.begin().await?;
        let table = format!("\"{build}\".item_ratings");
        lock.execute(format!("lock table {table} in share mode").as_str()).await?;
        let begun = Instant::now();
        // It waits for our lock, and has a transaction id: it has written something, the checkpoint.
        while !hangs(&mut looker, &table).await? {
            ensure!(begun.elapsed() < WAIT_MAX, "no projection writes to {table}");
            sleep(LOOK_AGAIN).await;
        }
        let before = checkpoint(&mut looker, &build).await?;
        let so_far = self.client.acknowledged()?;
        self.client.until(so_far + UNPUBLISHED).await?;
        self.cluster.kill(Part::Workers).await?;
        let after = checkpoint(&mut looker, &build).await?;
        self.checkpoints_unmoved += u32::from(before == after);
        lock.rollback().await?;
        self.cluster.restart(&[Part::Workers]).await
    }

    /// An append went to the database, which has answered, and nobody has heard it.
    async fn appended_not_answered(&mut self) -> anyhow::Result<()> {
        self.cluster.to_database.go_deaf();
        swallowed(&self.cluster.to_database).await?;
        self.cluster.to_database.cut();
        Ok(())
    }
}

async fn swallowed(proxy: &Proxy) -> anyhow::Result<()> {
    let begun = Instant::now();
    while proxy.swallowed() == 0 {
        ensure!(begun.elapsed() < WAIT_MAX, "there was nothing to swallow");
        sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

async fn again(cluster: &mut Cluster, part: Part) -> anyhow::Result<()> {
    cluster.kill(part).await?;
    cluster.restart(&[part]).await
}

async fn hangs(looker: &mut PgConnection, table: &str) -> anyhow::Result<bool> {
    let hangs = sqlx::query_scalar(
        "select exists (select from pg_locks l join pg_stat_activity a using (pid)
                        where l.relation = $1::text::regclass and not l.granted
                          and a.backend_xid is not null)",
    )
    .bind(table)
    .fetch_one(looker)
    .await?;
    Ok(hangs)
}

async fn checkpoint(looker: &mut PgConnection, build: &str) -> anyhow::Result<i64> {
    let position = sqlx::query_scalar("select position from projections.builds where schema = $1")
        .bind(build)
        .fetch_one(looker)
        .await?;
    Ok(position)
}
