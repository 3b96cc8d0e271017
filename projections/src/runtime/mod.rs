//! Runs projections: leases, builds, batches, parking, health.
//!
//! A *worker* (one per process) holds leases. For each projection it leases it drives that
//! projection's *builds*: it reads the log until it meets the shared feed, then follows the feed.
//! Each batch is one transaction whose first statement moves the checkpoint by compare-and-set
//! under the lease's token, so that whoever restarts, every event takes effect once.

mod apply;
mod build;
mod checkpoint;
mod drive;
mod failure;
mod fresh;
mod gauges;
mod idle;
mod janitor;
mod lease;
mod page;
mod park;
mod requests;
mod status;
mod switch;
mod verifications;
mod verify;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use eventstore::{Feed, Reader};
use sqlx::PgPool;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::Projection;

pub use build::{BuildKey, BuildState};
pub use fresh::{FreshProgress, as_of};
pub use requests::{
    ParkedEvent, ParkedGroup, RequestError, discard, failed_positions, is_run, known, parked,
    parked_event, parked_groups, pause, rebuild, rebuild_for, resume, retry, retry_failed,
};
pub use status::{ProjectionStatus, status};
pub use verifications::{
    Verification, VerificationState, request_verification, verification, verifications,
};
pub use verify::{RowDifference, TableComparison, VerifyError, VerifyReport, verify};

/// The limits of a worker. The defaults are for production; tests shorten the waits.
#[derive(Debug, Clone)]
pub struct Options {
    /// A lease not renewed for this long belongs to whoever comes first. With `TICK` it bounds a
    /// takeover to 5 s.
    pub lease_ttl: Duration,
    /// How often leases are renewed and requests looked for.
    pub tick: Duration,
    /// Least time between two transactions of a projection.
    pub batch_interval: Duration,
    /// Idle projections move together this often.
    pub idle_interval: Duration,
    /// Transactions in flight at once; the rest of the pool is for others.
    pub transactions_max: usize,
    /// How long the tables of a replaced build stay, for queries that still read them.
    pub retired_kept: Duration,
    /// First wait before a failed event is tried again; it grows with each attempt.
    pub parked_wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lease_ttl: Duration::from_millis(3_500),
            tick: Duration::from_millis(500),
            batch_interval: Duration::from_millis(10),
            idle_interval: Duration::from_millis(10),
            transactions_max: 4,
            retired_kept: Duration::from_secs(60),
            parked_wait: Duration::from_secs(10),
        }
    }
}

/// How long one transaction of a projection may take: a database that vanished without a word would
/// keep it for ever.
const TRANSACTION_MAX: Duration = Duration::from_secs(20);
/// Builds that read the log from far behind at the same time.
const FAR_BEHIND_MAX: usize = 3;

/// What every part of a worker needs.
struct Shared {
    pool: PgPool,
    reader: Reader,
    options: Options,
    transactions: Semaphore,
    far_behind: Semaphore,
    idle: idle::IdleMoves,
    feed: Feed,
}

/// Runs every projection of this program until `shutdown`.
pub async fn run(pool: PgPool, reader: Reader, feed: Feed, shutdown: CancellationToken) {
    let projections = crate::all().into_iter().map(Arc::from).collect();
    run_with(pool, reader, feed, projections, Options::default(), shutdown).await;
}

/// Like [`run`], with the projections and limits of the caller.
pub async fn run_with(
    pool: PgPool,
    reader: Reader,
    feed: Feed,
    projections: Vec<Arc<dyn Projection>>,
    options: Options,
    shutdown: CancellationToken,
) {
    let shared = Arc::new(Shared {
        transactions: Semaphore::new(options.transactions_max),
        far_behind: Semaphore::new(FAR_BEHIND_MAX),
        idle: idle::IdleMoves::default(),
        feed,
        pool,
        reader,
        options,
    });
    tokio::join!(
        idle::move_together(&shared, &shutdown),
        gauges::publish(&shared, &shutdown),
        verifications::work(&shared, &projections, &shutdown),
        worker::work(Arc::clone(&shared), projections.clone(), &shutdown),
    );
}
