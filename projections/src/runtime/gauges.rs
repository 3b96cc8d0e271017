//! The numbers of `status` as metrics.

use std::time::Duration;

use metrics::gauge;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::status::{ProjectionStatus, status};

const INTERVAL: Duration = Duration::from_secs(5);

/// Publishes until `shutdown`. Every worker shows every projection: the numbers are the database's.
pub(super) async fn publish(shared: &Shared, shutdown: &CancellationToken) {
    let mut ticks = tokio::time::interval(INTERVAL);
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        match status(&shared.pool).await {
            Ok(projections) => projections.iter().for_each(show),
            Err(error) => tracing::debug!(error = %error, "no numbers of projections this time"),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floats, and positions stay below 2^53")]
fn show(status: &ProjectionStatus) {
    let labels = [
        ("projection", status.name.clone()),
        ("version", status.version.to_string()),
        ("build", status.build.to_string()),
    ];
    gauge!("daybook_projection_position", &labels).set(status.position as f64);
    gauge!("daybook_projection_lag_events", &labels).set(status.lag_events as f64);
    gauge!("daybook_projection_lag_seconds", &labels).set(status.lag_seconds);
    gauge!("daybook_projection_rate", &labels).set(status.rate);
    gauge!("daybook_projection_parked_events", &labels).set(status.parked as f64);
    gauge!("daybook_projection_retries", &labels).set(f64::from(status.retries));
    gauge!("daybook_projection_stalled", &labels).set(f64::from(u8::from(status.stalled)));
}
