//! Requests at a steady pace, however long each takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::http::{Ask, Connection};
use crate::raters::Pace;

pub const PER_SECOND: f64 = 100.0;
/// Enough that nobody waits for a connection.
const CONNECTIONS: usize = 64;
/// Our timer is so late at most of itself, and nobody waits for an answer that was not asked for.
const TIMER_LATE_MAX: Duration = Duration::from_millis(2);

pub struct Question {
    pub method: &'static str,
    pub path: String,
    pub token: Arc<str>,
    pub body: &'static str,
}

/// Milliseconds from when each was due to its answer. Numbers go on from `asked`.
pub async fn paced<Q>(
    address: &str,
    round: Duration,
    asked: usize,
    question: Arc<Q>,
) -> anyhow::Result<Vec<f64>>
where
    Q: Fn(usize) -> Question + Send + Sync + 'static,
{
    let mut work = JoinSet::new();
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(Connection::open(address).await?);
    }
    let begun = Instant::now();
    let pace = Pace { begun, per_second: PER_SECOND, until: begun + round };
    let next = Arc::new(AtomicUsize::new(0));
    for mut connection in connections {
        let (next, question) = (Arc::clone(&next), Arc::clone(&question));
        work.spawn(async move {
            let mut took = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(due) = pace.due(number as u64) else { return anyhow::Ok(took) };
                let is_in_time = Instant::now() < due;
                sleep_until(due).await;
                let late =
                    if is_in_time { due.elapsed().min(TIMER_LATE_MAX) } else { Duration::ZERO };
                let Question { method, path, token, body } = question(asked + number);
                let ask = Ask { method, path: &path, token: &token, headers: "", body };
                connection.ask(ask).await?.accepted()?;
                took.push((due.elapsed() - late).as_secs_f64() * 1000.0);
            }
        });
    }
    let mut all = Vec::new();
    while let Some(ended) = work.join_next().await {
        all.extend(ended??);
    }
    Ok(all)
}
