//! The numbers of `status` as metrics.

use std::time::Duration;

use eventstore::{ANSWER_MAX, in_time};
use metrics::gauge;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::status::{ProjectionStatus, status};

const INTERVAL: Duration = Duration::from_secs(5);

/// Publishes until `shutdown`. Every worker shows every projection: the numbers are the database's.
pub(super) async fn publish(shared: &Shared, shutdown: &CancellationToken) {
    let mut ticks = tokio::time::interval(INTERVAL);
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        match in_time(ANSWER_MAX, status(&shared.pool)).await {
            Ok(builds) => builds.iter().for_each(|build| show(build, &builds)),
            Err(error) => tracing::debug!(error = %error, "no numbers of projections this time"),
        }
    }
}

/// The live build's numbers, or those of the first one while nothing is live. A build beside the
/// live one shows only how much of it is done.
#[expect(clippy::cast_precision_loss, reason = "gauges are floats, and positions stay below 2^53")]
fn show(build: &ProjectionStatus, all: &[ProjectionStatus]) {
    let labels = [("projection", build.name.clone())];
    let mut others = all.iter().filter(|other| other.name == build.name);
    if build.live_at.is_none() {
        let done = build.position as f64 / build.head.max(1) as f64;
        gauge!("daybook_projection_build_done_ratio", &labels).set(done);
        if others.any(|other| other.live_at.is_some()) {
            return;
        }
    } else if others.all(|other| other.live_at.is_some()) {
        gauge!("daybook_projection_build_done_ratio", &labels).set(1.0);
    }
    gauge!("daybook_projection_position", &labels).set(build.position as f64);
    gauge!("daybook_projection_lag_events", &labels).set(build.lag_events as f64);
    gauge!("daybook_projection_lag_seconds", &labels).set(build.lag_seconds);
    gauge!("daybook_projection_rate", &labels).set(build.rate);
    gauge!("daybook_projection_parked_events", &labels).set(build.parked as f64);
    gauge!("daybook_projection_retries", &labels).set(f64::from(build.retries));
    gauge!("daybook_projection_stalled", &labels).set(f64::from(u8::from(build.stalled)));
}
