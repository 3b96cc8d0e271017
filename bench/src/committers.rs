//! Many at once, each one commit after the other until the time is over.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

/// What a turn came to.
#[derive(Debug, Default)]
pub struct Done {
    /// How much was committed a second, what was under way at the end included.
    pub rate: f64,
    /// How long each commit took.
    pub latencies_ms: Vec<f64>,
}

/// Lets `committers` tasks call `commit`, which answers how much it committed.
pub async fn work<F, Fut>(committers: usize, time: Duration, commit: F) -> anyhow::Result<Done>
where
    F: Fn() -> Fut + Clone + Send + 'static,
    Fut: Future<Output = anyhow::Result<usize>> + Send,
{
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..committers {
        let commit = commit.clone();
        tasks.spawn(async move {
            let (mut committed, mut latencies_ms) = (0, Vec::new());
            while started.elapsed() < time {
                let asked = Instant::now();
                committed += commit().await?;
                latencies_ms.push(asked.elapsed().as_secs_f64() * 1e3);
            }
            anyhow::Ok((committed, latencies_ms))
        });
    }
    let (mut committed, mut latencies_ms) = (0, Vec::new());
    while let Some(task) = tasks.join_next().await {
        let (of_one, latencies_of_one) = task??;
        committed += of_one;
        latencies_ms.extend(latencies_of_one);
    }
    Ok(Done { rate: committed as f64 / started.elapsed().as_secs_f64(), latencies_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everything_committed_is_counted() -> anyhow::Result<()> {
        let time = Duration::from_millis(1);
        let done = work(3, time, || async {
            tokio::task::yield_now().await;
            Ok(100)
        })
        .await?;
        assert!(done.latencies_ms.len() >= 3);
        assert!(done.rate > 0.0);
        Ok(())
    }

    #[tokio::test]
    async fn a_commit_that_fails_fails_the_turn() {
        let done = work(3, Duration::from_secs(1), || async { anyhow::bail!("no") }).await;
        assert!(done.is_err());
    }
}
