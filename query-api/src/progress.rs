//! Waiting for projections to pass a position. Everybody who waits shares one look at the checkpoints.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use service_kit::{Freshness, Problem};
use sqlx::PgPool;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::view::{Mark, Positions, Reads, behind, positions, unbuilt};

/// Between two looks, however many wait.
const LOOK_EVERY: Duration = Duration::from_millis(4);
/// Whoever has waited for long looks again after a sixteenth of that, or this.
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// What every projection shows, by name.
type Live = HashMap<String, Mark>;

/// What was seen last, for those who wait.
pub(crate) struct Progress {
    pool: PgPool,
    last: Mutex<Look>,
}

#[derive(Debug, Clone)]
struct Look {
    begun: Instant,
    live: Arc<Live>,
}

impl Progress {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool, last: Mutex::new(Look { begun: Instant::now(), live: Arc::default() }) }
    }

    /// The positions of `reads`, once all of them have passed the position asked for.
    pub(crate) async fn reached(
        &self,
        reads: Reads,
        asked: Freshness,
    ) -> Result<Positions, Problem> {
        let Some(token) = asked.position else {
            return positions(&mut *self.pool.acquire().await?, reads).await?.ok_or_else(unbuilt);
        };
        let begun = Instant::now();
        let deadline = begun + asked.wait;
        let mut seen = begun;
        loop {
            let look = self.look_after(seen).await?;
            let positions = look.positions(reads);
            let lowest = positions.as_ref().map(Positions::lowest);
            if let Some(positions) = positions
                && positions.lowest() >= token
            {
                return Ok(positions);
            }
            let now = Instant::now();
            if now >= deadline {
                return Err(lowest.map_or_else(unbuilt, |lowest| behind(token - lowest)));
            }
            seen = look.begun;
            let pause = ((now - begun) / 16).min(PAUSE_MAX);
            sleep_until((now + pause).min(deadline)).await;
        }
    }

    /// A look begun after a moment: somebody else's, or our own when it is time for one.
    async fn look_after(&self, moment: Instant) -> Result<Look, Problem> {
        let mut last = self.last.lock().await;
        if last.begun <= moment {
            sleep_until(last.begun + LOOK_EVERY).await;
            let begun = Instant::now();
            let live: Vec<Mark> = sqlx::query_as(
                "select name, version, build, position, leaf, parked from projections.live",
            )
            .fetch_all(&self.pool)
            .await?;
            let live = live.into_iter().map(|mark| (mark.name.clone(), mark));
            *last = Look { begun, live: Arc::new(live.collect()) };
        }
        Ok(last.clone())
    }
}

impl Look {
    /// None while one of them has never been built.
    fn positions(&self, reads: Reads) -> Option<Positions> {
        let marks = reads.iter().map(|name| self.live.get(*name).cloned());
        marks.collect::<Option<Vec<_>>>().map(Positions)
    }
}
