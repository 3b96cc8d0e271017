//! What auditors see of access: denials, reads of the audit side, personal values shown.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::AccountId;
use sqlx::PgPool;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Entries that may wait. A full queue slows down those who are being denied, nobody else.
const QUEUE_MAX: usize = 4096;
const BATCH_MAX: usize = 512;
const WRITE_RETRY: Duration = Duration::from_secs(1);
/// What is kept of a path with its query.
const PATH_CHARS_MAX: usize = 1000;

const FORGET_EVERY: Duration = Duration::from_secs(3600);
/// Entries that one statement removes, so that none holds locks or a snapshot for long.
const FORGET_MAX: i64 = 1000;
/// As good as for ever, and within the dates that Postgres knows.
const DAYS_MAX: u32 = 1_000_000;

/// One access worth keeping.
#[derive(Debug, Clone)]
pub struct Access {
    pub at: DateTime<Utc>,
    /// `denied`, `read` or `reveal`.
    pub kind: &'static str,
    pub account: Option<AccountId>,
    pub method: String,
    pub path: String,
    pub status: u16,
    pub code: String,
    pub trace_id: String,
    pub reason: Option<String>,
}

impl Access {
    /// Two of these within a batch become one row with a count.
    fn sameness(&self) -> (Option<AccountId>, &str, &str, &str, &str) {
        (self.account, self.kind, &self.method, &self.path, &self.code)
    }
}

/// What a server lets in as a path is not what a table needs.
fn shortened(mut path: String) -> String {
    if let Some((end, _)) = path.char_indices().nth(PATH_CHARS_MAX) {
        path.truncate(end);
        path.push('…');
    }
    path
}

/// Takes entries off the request path; one task writes them in batches.
#[derive(Debug, Clone)]
pub struct AccessLog {
    queue: mpsc::Sender<Access>,
}

impl AccessLog {
    /// Starts the writer. It ends when every handle is gone and the queue is written.
    pub fn start(pool: PgPool) -> Self {
        let (queue, entries) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(write_all(pool, entries));
        Self { queue }
    }

    pub async fn record(&self, mut access: Access) {
        access.path = shortened(access.path);
        if self.queue.send(access).await.is_err() {
            tracing::error!("the writer of the access log has ended");
        }
    }
}

/// Writes one entry before it returns: for a program whose next step must not go unseen.
pub async fn record_at_once(pool: &PgPool, mut access: Access) -> Result<(), sqlx::Error> {
    access.path = shortened(access.path);
    insert(pool, &[access]).await
}

/// [`forget`]s every hour until the end. Any number of processes may do so.
pub async fn keep(pool: PgPool, days: NonZeroU32, shutdown: CancellationToken) {
    loop {
        if let Err(error) = forget(&pool, days).await {
            tracing::warn!(%error, "old accesses stay in their log a while: {error}");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(FORGET_EVERY) => {}
        }
    }
}

/// Removes the entries that are older than so many days; answers how many those were.
pub async fn forget(pool: &PgPool, days: NonZeroU32) -> Result<u64, sqlx::Error> {
    let mut forgotten = 0;
    loop {
        let batch = sqlx::query(
            "delete from eventstore.access_log
             where id in (select id from eventstore.access_log
                          where at < clock_timestamp() - make_interval(days => $1)
                          order by at limit $2 for update skip locked)",
        )
        .bind(i32::try_from(days.get().min(DAYS_MAX)).unwrap_or_default())
        .bind(FORGET_MAX)
        .execute(pool)
        .await?
        .rows_affected();
        forgotten += batch;
        if batch < FORGET_MAX.unsigned_abs() {
            return Ok(forgotten);
        }
    }
}

async fn write_all(pool: PgPool, mut entries: mpsc::Receiver<Access>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while entries.recv_many(&mut batch, BATCH_MAX).await > 0 {
        while let Err(error) = insert(&pool, &batch).await {
            if pool.is_closed() {
                return;
            }
            tracing::warn!(error = %error, "the access log cannot be written: {error}");
            tokio::time::sleep(WRITE_RETRY).await;
        }
        batch.clear();
    }
}

async fn insert(pool: &PgPool, batch: &[Access]) -> Result<(), sqlx::Error> {
    let mut counted: Vec<(&Access, i64)> = Vec::with_capacity(batch.len());
    let mut places = HashMap::new();
    for access in batch {
        if access.kind != "denied" {
            counted.push((access, 1));
            continue;
        }
        let place = *places.entry(access.sameness()).or_insert_with(|| {
            counted.push((access, 0));
            counted.len() - 1
        });
        counted[place].1 += 1;
    }
    let column = |of: fn(&Access) -> &str| -> Vec<&str> {
        counted.iter().map(|(access, _)| of(access)).collect()
    };
    sqlx::query(
        "insert into eventstore.access_log
             (at, kind, account, method, path, status, code, trace_id, reason, times)
         select * from unnest($1::timestamptz[], $2::text[], $3::uuid[], $4::text[], $5::text[],
                              $6::int[], $7::text[], $8::text[], $9::text[], $10::bigint[])",
    )
    .bind(counted.iter().map(|(access, _)| access.at).collect::<Vec<_>>())
    .bind(column(|access| access.kind))
    .bind(
        counted.iter().map(|(a, _)| a.account.map(AccountId::uuid)).collect::<Vec<Option<Uuid>>>(),
    )
    .bind(column(|access| &access.method))
    .bind(column(|access| &access.path))
    .bind(counted.iter().map(|(access, _)| i32::from(access.status)).collect::<Vec<_>>())
    .bind(column(|access| &access.code))
    .bind(column(|access| &access.trace_id))
    .bind(counted.iter().map(|(access, _)| access.reason.as_deref()).collect::<Vec<_>>())
    .bind(counted.iter().map(|(_, times)| *times).collect::<Vec<_>>())
    .execute(pool)
    .await?;
    Ok(())
}
