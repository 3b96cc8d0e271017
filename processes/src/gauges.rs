//! The numbers of `status` as metrics.

use std::time::Duration;

use metrics::gauge;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::failure::in_time;
use crate::status::{ProcessStatus, status};

const INTERVAL: Duration = Duration::from_secs(5);

/// Publishes until `shutdown`. Every program shows every process: the numbers are the database's.
pub(crate) async fn publish(pool: &PgPool, shutdown: &CancellationToken) {
    let mut ticks = tokio::time::interval(INTERVAL);
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        match in_time(status(pool)).await {
            Ok(all) => all.iter().for_each(show),
            Err(error) => tracing::debug!(%error, "no numbers of processes this time"),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floats, and positions stay below 2^53")]
fn show(process: &ProcessStatus) {
    let show = |name, value: f64| gauge!(name, "process" => process.name.clone()).set(value);
    show("daybook_process_position", process.position as f64);
    show("daybook_process_lag_events", process.lag_events as f64);
    show("daybook_process_lag_seconds", process.lag_seconds);
    show("daybook_process_running", f64::from(process.running));
    show("daybook_process_waiting", f64::from(process.waiting));
    show("daybook_process_parked", process.parked as f64);
    show("daybook_process_stalled", f64::from(u8::from(process.stalled)));
}
