//! The shared feed: one subscription per worker, its batches shared in memory by every projection.
//!
//! It starts at the head of the log. Whoever is behind reads the log until it meets the feed, so
//! that a projection that is far behind holds nobody back.

use std::sync::Arc;
use std::time::Duration;

use eventstore::{Bus, RecordedEvent, SubscribeError, Subscription};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::Shared;

/// Batches kept for projections that are busy; whoever falls further behind reads the log.
const BATCHES_KEPT: usize = 64;
/// Under load batches grow meanwhile, so that those kept last long enough.
const BATCH_INTERVAL: Duration = Duration::from_millis(5);

const RECONNECT_WAIT: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
pub(super) enum FeedItem {
    Batch(Arc<Vec<RecordedEvent>>),
    /// The log may be another one now: compare the leaf at your checkpoint before you go on.
    Restarted,
}

pub(super) struct Feed {
    sender: broadcast::Sender<FeedItem>,
}

impl Feed {
    pub fn new() -> Self {
        Self { sender: broadcast::Sender::new(BATCHES_KEPT) }
    }

    pub fn subscribe(&self) -> broadcast::Receiver<FeedItem> {
        self.sender.subscribe()
    }
}

/// Publishes every batch until `shutdown`.
pub(super) async fn pump(shared: &Shared, bus: Option<Bus>, shutdown: &CancellationToken) {
    while shutdown.run_until_cancelled(pump_once(shared, bus.clone())).await.is_some() {
        let wait = tokio::time::sleep(RECONNECT_WAIT);
        if shutdown.run_until_cancelled(wait).await.is_none() {
            return;
        }
    }
}

/// Returns when the subscription ends. Nobody listening is no error.
async fn pump_once(shared: &Shared, bus: Option<Bus>) {
    let head = match shared.reader.head().await {
        Ok(head) => head,
        Err(error) => {
            tracing::warn!(error = %error, "cannot read the end of the log");
            return;
        }
    };
    let mut subscription = Subscription::start(shared.reader.clone(), bus, head).await;
    let _ = shared.feed.sender.send(FeedItem::Restarted);
    loop {
        match subscription.next().await {
            Ok(batch) => {
                let _ = shared.feed.sender.send(FeedItem::Batch(batch));
                tokio::time::sleep(BATCH_INTERVAL).await;
            }
            Err(error @ SubscribeError::Diverged { .. }) => {
                tracing::error!(error = %error, "the log changed under its projections");
                return;
            }
            Err(SubscribeError::Stopped) => return,
        }
    }
}
