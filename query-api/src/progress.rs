//! How far projections are, and waiting for them to pass a position. Many who ask at once share one
//! look at the checkpoints.

use std::sync::Arc;
use std::time::Duration;

use service_kit::{Freshness, Problem};
use sqlx::PgPool;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::view::{MARK, Mark, Positions, Reads, behind, unbuilt};

/// Between two looks of those who wait.
const LOOK_EVERY: Duration = Duration::from_millis(4);
/// Whoever has waited for long looks again after a sixteenth of that, or this.
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// What was seen last, for all who asked before it was looked for.
pub(crate) struct Progress {
    pool: PgPool,
    last: Mutex<Look>,
}

#[derive(Debug, Clone)]
struct Look {
    begun: Instant,
    /// What every projection shows.
    live: Result<Arc<[Mark]>, Problem>,
}

impl Progress {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool, last: Mutex::new(Look { begun: Instant::now(), live: Ok(Arc::default()) }) }
    }

    /// The positions of `reads` now, or once all of them have passed the position asked for.
    pub(crate) async fn reached(
        &self,
        reads: Reads,
        asked: Freshness,
    ) -> Result<Positions, Problem> {
        let begun = Instant::now();
        let (token, wait) = asked.position.map_or((0, Duration::ZERO), |token| (token, asked.wait));
        let deadline = begun + wait;
        let mut seen = begun;
        loop {
            let look = self.look_after(seen).await;
            let positions = look.positions(reads)?;
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
            sleep_until((now + pause).max(seen + LOOK_EVERY).min(deadline)).await;
        }
    }

    /// A look begun after a moment: ours, or that of whoever was before us in the queue. A failed one
    /// is shared as well, so that nobody waits for as many failures as there are others.
    async fn look_after(&self, moment: Instant) -> Look {
        let mut last = self.last.lock().await;
        if last.begun <= moment {
            *last = Look { begun: Instant::now(), live: look(&self.pool).await };
        }
        last.clone()
    }
}

async fn look(pool: &PgPool) -> Result<Arc<[Mark]>, Problem> {
    let live: Vec<Mark> =
        sqlx::query_as(&format!("select {MARK} from projections.live")).fetch_all(pool).await?;
    Ok(live.into())
}

impl Look {
    /// None while one of them has never been built.
    fn positions(&self, reads: Reads) -> Result<Option<Positions>, Problem> {
        Ok(Positions::of(reads, self.live.as_ref().map_err(Problem::clone)?))
    }
}
