//! Deciding commands: load, decide, append, and decide again when somebody was faster.

mod adapter;
mod cache;
mod decide;
mod error;
mod facts;
pub(crate) mod holding;
mod keys_in_progress;
mod load;
mod loads;

use std::fmt::Display;
use std::sync::Arc;

use domain::Recorded;
use sqlx::PgPool;

use crate::append::appender::{Queue, StandsOn};
use crate::append::{Append, AppendError, Verdict};
use crate::context::{Context, Receipt};
use crate::personal::PersonalKeys;
use crate::read::Reader;
use cache::Cache;
use keys_in_progress::KeysInProgress;
use loads::Loads;

pub use adapter::{CqrsContext, CqrsStore};
pub use error::{ExecuteError, StoreError};
pub use facts::{Decision, Facts};
pub use load::Loaded;

/// How much the log keeps in memory.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many aggregates stay in memory.
    pub cached_aggregates: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { cached_aggregates: 100_000 }
    }
}

/// The write side of the log. Cheap to clone; all clones share one appender.
#[derive(Clone)]
pub struct Log {
    inner: Arc<Inner>,
}

struct Inner {
    reader: Reader,
    personal: PersonalKeys,
    queue: Queue,
    cache: Cache,
    loads: Loads,
    in_progress: KeysInProgress,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

impl Log {
    /// Starts the appender on a migrated database.
    pub async fn open(
        pool: PgPool,
        personal: PersonalKeys,
        options: Options,
    ) -> Result<Self, StoreError> {
        let queue = Queue::start((*pool.connect_options()).clone());
        let reader = Reader::new(pool);
        let inner = Inner {
            loads: Loads::new(reader.clone()),
            reader,
            personal,
            queue,
            cache: Cache::new(options.cached_aggregates),
            in_progress: KeysInProgress::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    pub fn pool(&self) -> &PgPool {
        self.inner.reader.pool()
    }

    pub fn reader(&self) -> &Reader {
        &self.inner.reader
    }

    pub fn personal(&self) -> &PersonalKeys {
        &self.inner.personal
    }

    /// Decides a command on a stream and appends what it leads to.
    pub async fn execute<A: Recorded>(
        &self,
        id: impl Display,
        command: A::Command,
        context: &Context,
    ) -> Result<Receipt, ExecuteError<A::Error>> {
        let id = id.to_string();
        self.decide(context, |_| {
            let decision = Decision::<A>::new(&id, command.clone());
            async move { Ok(decision) }
        })
        .await
    }

    /// Appends as told, without deciding: for takeovers, adapters and tests of the log itself.
    pub async fn append(&self, append: Append) -> Result<Verdict, AppendError> {
        let answer = self.inner.queue.push(append, StandsOn::default())?;
        answer.await.unwrap_or(Err(AppendError::Closed))
    }

    /// Who holds a unique claim.
    pub async fn holder(
        &self,
        kind: &str,
        key: &str,
        personal: bool,
    ) -> Result<Option<String>, StoreError> {
        let key = match personal {
            true => self.inner.personal.lookup_hash(kind, key),
            false => key.to_owned(),
        };
        let holder =
            sqlx::query_scalar("select holder from eventstore.claims where kind = $1 and key = $2")
                .bind(kind)
                .bind(key)
                .fetch_optional(self.pool())
                .await?;
        Ok(holder)
    }

    /// Who holds a place of something scarce, by the holder's name, those behind `after`.
    pub async fn holders(
        &self,
        kind: &str,
        key: &str,
        after: &str,
        most: i64,
    ) -> Result<Vec<String>, StoreError> {
        let holders = sqlx::query_scalar(
            "select holder from eventstore.claims
             where kind = $1 and key = $2 and holder > $3 order by holder limit $4",
        )
        .bind(kind)
        .bind(key)
        .bind(after)
        .bind(most)
        .fetch_all(self.pool())
        .await?;
        Ok(holders)
    }

    /// Drops stored refusals and unchanged answers older than a day; returns how many.
    pub async fn drop_old_refusals(&self) -> Result<u64, StoreError> {
        let dropped = sqlx::query(
            "delete from eventstore.commands
             where not appended and recorded_at < now() - interval '24 hours'",
        )
        .execute(self.pool())
        .await?;
        Ok(dropped.rows_affected())
    }
}
