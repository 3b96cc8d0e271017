//! The feed: one subscription a process, its batches shared in memory by all that follow the log.
//!
//! It starts at the head of the log with the first who listens. Whoever is behind reads the log until
//! it meets the feed, so that somebody who is far behind holds nobody back.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio_util::task::AbortOnDropHandle;

use super::{Batch, Following, SubscribeError, Subscription};
use crate::{Bus, Reader};

/// Batches kept for those who are busy; whoever falls further behind reads the log.
const BATCHES_KEPT: usize = 64;
/// Under load batches grow meanwhile, so that those kept last long enough.
const BATCH_INTERVAL: Duration = Duration::from_millis(5);
const RECONNECT_WAIT: Duration = Duration::from_secs(1);

/// The feed of this process. Cheap to clone; it ends with the last of its clones.
#[derive(Debug, Clone)]
pub struct Feed(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    reader: Reader,
    bus: Option<Bus>,
    sender: broadcast::Sender<FeedItem>,
    pump: OnceLock<AbortOnDropHandle<()>>,
}

#[derive(Debug, Clone)]
pub enum FeedItem {
    Batch(Batch),
    /// The log may be another one now: compare it with what you know before you go on.
    Restarted,
}

impl Feed {
    /// Without a bus the log alone is read.
    pub fn new(reader: Reader, bus: Option<Bus>) -> Self {
        let (sender, pump) = (broadcast::Sender::new(BATCHES_KEPT), OnceLock::new());
        Self(Arc::new(Inner { reader, bus, sender, pump }))
    }

    /// What comes from now on, for those who read the log themselves when they must.
    pub fn listen(&self) -> broadcast::Receiver<FeedItem> {
        let Inner { reader, bus, sender, pump } = &*self.0;
        let batches = sender.subscribe();
        pump.get_or_init(|| {
            let pump = pump_on(reader.clone(), bus.clone(), sender.clone());
            AbortOnDropHandle::new(tokio::spawn(pump))
        });
        batches
    }

    /// Every event after `from`, the last position already known; 0 for all of them.
    pub fn follow(&self, from: i64) -> Following {
        Following::new(self.clone(), self.0.reader.clone(), from)
    }
}

/// Publishes every batch. Nobody listening is no error.
async fn pump_on(reader: Reader, bus: Option<Bus>, sender: broadcast::Sender<FeedItem>) {
    loop {
        pump_once(&reader, bus.clone(), &sender).await;
        tokio::time::sleep(RECONNECT_WAIT).await;
    }
}

/// Returns when the subscription ends.
async fn pump_once(reader: &Reader, bus: Option<Bus>, sender: &broadcast::Sender<FeedItem>) {
    let head = match reader.head().await {
        Ok(head) => head,
        Err(error) => {
            tracing::warn!(error = %error, "cannot read the end of the log");
            return;
        }
    };
    let mut subscription = Subscription::start(reader.clone(), bus, head).await;
    let _ = sender.send(FeedItem::Restarted);
    loop {
        match subscription.next().await {
            Ok(batch) => {
                let _ = sender.send(FeedItem::Batch(batch));
                tokio::time::sleep(BATCH_INTERVAL).await;
            }
            Err(error @ SubscribeError::Diverged { .. }) => {
                tracing::error!(error = %error, "the log changed under those who follow it");
                return;
            }
            Err(SubscribeError::Stopped) => return,
        }
    }
}
