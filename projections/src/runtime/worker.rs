//! A worker: holds leases and keeps one drive running for each build of what it leases.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use eventstore::in_time;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::build::{self, Build, BuildKey};
use super::drive::Drive;
use super::failure::Stop;
use super::lease::{self, Served};
use super::{Shared, janitor};
use crate::Projection;

/// A projection that met an event of a newer program is left to that program for this long.
const NEWER_WAIT: Duration = Duration::from_secs(10);
/// What a worker does in a tick is a handful of short statements.
const TICK_MAX: Duration = Duration::from_secs(10);
/// Dropping large tables takes a while.
const JANITOR_MAX: Duration = Duration::from_secs(300);
/// Batches under way have this long to finish when the program ends.
const FINISH_WAIT: Duration = Duration::from_secs(5);
const JANITOR_INTERVAL: Duration = Duration::from_secs(10);

struct Worker {
    id: Uuid,
    shared: Arc<Shared>,
    projections: HashMap<Served, Arc<dyn Projection>>,
    drives: HashMap<BuildKey, Running>,
    left_to_newer: HashMap<Served, Instant>,
    janitor: Option<AbortOnDropHandle<()>>,
    cleaned_at: Instant,
}

struct Running {
    token: i64,
    cancel: CancellationToken,
    attention: Arc<Notify>,
    /// Where the drive knows its stored checkpoint to be, or further.
    committed: Arc<AtomicI64>,
    task: AbortOnDropHandle<Stop>,
}

type Held = HashMap<(String, i32), i64>;

/// Works until `shutdown`, then finishes what is under way and gives the leases back.
pub(super) async fn work(
    shared: Arc<Shared>,
    projections: Vec<Arc<dyn Projection>>,
    shutdown: &CancellationToken,
) {
    let mut ticks = tokio::time::interval(shared.options.tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut worker = Worker {
        id: Uuid::now_v7(),
        shared,
        projections: projections
            .into_iter()
            .map(|projection| {
                (lease::served(projection.name(), version_of(&*projection)), projection)
            })
            .collect(),
        drives: HashMap::new(),
        left_to_newer: HashMap::new(),
        janitor: None,
        cleaned_at: Instant::now(),
    };
    let mut registered = false;
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        let done = async {
            if !registered {
                worker.register().await?;
                registered = true;
            }
            worker.tick().await
        };
        if let Err(error) = in_time(TICK_MAX, done).await {
            tracing::warn!(worker.id = %worker.id, error = %error, "the worker cannot see to its leases");
        }
    }
    worker.finish().await;
}

pub(super) fn version_of(projection: &dyn Projection) -> i32 {
    i32::try_from(projection.version()).unwrap_or(i32::MAX)
}

impl Worker {
    async fn register(&self) -> Result<(), sqlx::Error> {
        for projection in self.projections.values() {
            let version = version_of(&**projection);
            lease::register(&self.shared.pool, projection.name(), version).await?;
        }
        Ok(())
    }

    async fn tick(&mut self) -> Result<(), sqlx::Error> {
        self.reap().await?;
        let held = self.see_to_leases().await?;
        let committed = self.committed();
        let builds = self.builds(&held).await?;
        self.stop_unwanted(&held, &builds);
        self.stop_set_back(&committed, &builds);
        self.shared.idle.compare(&builds);
        for build in builds {
            let token = held[&(build.key.name.clone(), build.key.version)];
            self.drive(build, token);
        }
        self.call_attention().await?;
        self.clean();
        Ok(())
    }

    /// Takes note of drives that ended.
    async fn reap(&mut self) -> Result<(), sqlx::Error> {
        let ended: Vec<BuildKey> = self
            .drives
            .iter()
            .filter(|(_, running)| running.task.is_finished())
            .map(|(key, _)| key.clone())
            .collect();
        for key in ended {
            let Some(running) = self.drives.remove(&key) else {
                continue;
            };
            match running.task.await {
                Ok(Stop::Unknown(why)) => {
                    tracing::warn!(
                        projection.name = key.name,
                        "{key} is left to a newer program: {why}"
                    );
                    let served = lease::served(&key.name, key.version);
                    self.left_to_newer.insert(served, Instant::now() + NEWER_WAIT);
                    lease::release(&self.shared.pool, self.id, &key.name, key.version).await?;
                }
                Ok(stop) => tracing::debug!(projection.name = key.name, "{key} stopped: {stop}"),
                Err(error) => {
                    tracing::error!(projection.name = key.name, error = %error, "{key} died");
                }
            }
        }
        Ok(())
    }

    async fn see_to_leases(&mut self) -> Result<Held, sqlx::Error> {
        let now = Instant::now();
        self.left_to_newer.retain(|_, until| *until > now);
        let serves: Vec<Served> = self
            .projections
            .keys()
            .filter(|served| !self.left_to_newer.contains_key(*served))
            .cloned()
            .collect();
        let (pool, ttl) = (&self.shared.pool, self.shared.options.lease_ttl);
        let renewed = lease::renew(pool, self.id, &serves, ttl).await?;
        let mut held: Held =
            renewed.into_iter().map(|(name, version, token)| ((name, version), token)).collect();
        let plan =
            lease::plan(self.id, &lease::leases(pool).await?, &lease::workers(pool, ttl).await?);
        for (name, version) in plan.take {
            if let Some(token) = lease::take(pool, self.id, &name, version, ttl).await? {
                tracing::debug!(projection.name = name, "took the lease of {name} v{version}");
                held.insert((name, version), token);
            }
        }
        if let Some((name, version)) = plan.hand_over {
            // Our drive may still be at work for a moment: from the next token on it is fenced.
            lease::release(pool, self.id, &name, version).await?;
            held.remove(&(name, version));
        }
        Ok(held)
    }

    /// The builds to drive; a version without one gets one.
    async fn builds(&self, held: &Held) -> Result<Vec<Build>, sqlx::Error> {
        let pool = &self.shared.pool;
        let paused: Vec<String> =
            sqlx::query_scalar("select name from projections.paused").fetch_all(pool).await?;
        let wanted: Vec<&(String, i32)> =
            held.keys().filter(|(name, _)| !paused.contains(name)).collect();
        let names: Vec<&str> = wanted.iter().map(|(name, _)| name.as_str()).collect();
        let versions: Vec<i32> = wanted.iter().map(|(_, version)| *version).collect();
        let mut builds = build::active(pool, &names, &versions).await?;
        let known: HashSet<(&str, i32)> =
            builds.iter().map(|build| (build.key.name.as_str(), build.key.version)).collect();
        let missing: Vec<&&(String, i32)> = wanted
            .iter()
            .filter(|(name, version)| !known.contains(&(name.as_str(), *version)))
            .collect();
        if !missing.is_empty() {
            for (name, version) in missing {
                build::open_if_missing(pool, name, *version).await?;
            }
            builds = build::active(pool, &names, &versions).await?;
        }
        Ok(builds)
    }

    /// Stops drives whose lease is lost, or whose build is paused or no longer wanted.
    fn stop_unwanted(&mut self, held: &Held, builds: &[Build]) {
        self.drives.retain(|key, running| {
            let token = held.get(&(key.name.clone(), key.version));
            let wanted =
                token == Some(&running.token) && builds.iter().any(|build| build.key == *key);
            if !wanted {
                running.cancel.cancel();
            }
            // One that was told to stop stays in sight until it has.
            wanted || !running.task.is_finished()
        });
    }

    fn committed(&self) -> HashMap<BuildKey, i64> {
        let drives = self.drives.iter();
        drives.map(|(key, run)| (key.clone(), run.committed.load(Ordering::SeqCst))).collect()
    }

    /// Stops drives that had got further, before the builds were read, than what is stored: the
    /// database crashed and its rows are as they were then. They start again from there.
    fn stop_set_back(&self, committed: &HashMap<BuildKey, i64>, builds: &[Build]) {
        for build in builds {
            let set_back = committed.get(&build.key).is_some_and(|known| build.position < *known);
            if let (true, Some(running)) = (set_back, self.drives.get(&build.key)) {
                tracing::warn!(
                    projection.name = build.key.name,
                    projection.position = build.position,
                    "the database was set back: {} goes on from {}",
                    build.key,
                    build.position,
                );
                running.cancel.cancel();
            }
        }
    }

    fn drive(&mut self, build: Build, token: i64) {
        let served = lease::served(&build.key.name, build.key.version);
        let Some(projection) = self.projections.get(&served) else {
            return;
        };
        if self.drives.contains_key(&build.key) {
            return;
        }
        let cancel = CancellationToken::new();
        let attention = Arc::new(Notify::new());
        let committed = Arc::new(AtomicI64::new(build.position));
        let key = build.key.clone();
        let drive = Drive::new(
            Arc::clone(&self.shared),
            Arc::clone(projection),
            build,
            token,
            cancel.clone(),
            Arc::clone(&attention),
            Arc::clone(&committed),
        );
        let task = AbortOnDropHandle::new(tokio::spawn(drive.run()));
        self.drives.insert(key, Running { token, cancel, attention, committed, task });
    }

    /// Wakes the drives that have parked events to see to.
    async fn call_attention(&self) -> Result<(), sqlx::Error> {
        let due: Vec<BuildKey> = sqlx::query_as(
            "select distinct name, version, build from projections.parked
             where due_at <= clock_timestamp()",
        )
        .fetch_all(&self.shared.pool)
        .await?;
        for key in due {
            if let Some(running) = self.drives.get(&key) {
                running.attention.notify_one();
            }
        }
        Ok(())
    }

    /// In a task of its own: dropping large tables takes longer than a lease.
    fn clean(&mut self) {
        let busy = self.janitor.as_ref().is_some_and(|janitor| !janitor.is_finished());
        let due = self.cleaned_at + JANITOR_INTERVAL.min(self.shared.options.retired_kept);
        if busy || Instant::now() < due {
            return;
        }
        self.cleaned_at = Instant::now();
        let shared = Arc::clone(&self.shared);
        self.janitor = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let kept = shared.options.retired_kept;
            let dropped = janitor::drop_stale(&shared.pool, kept);
            if let Err(error) = in_time(JANITOR_MAX, dropped).await {
                tracing::debug!(error = %error, "old builds are dropped in the next round");
            }
        })));
    }

    async fn finish(self) {
        for running in self.drives.values() {
            running.cancel.cancel();
        }
        let drives = self.drives.into_values().map(|running| running.task);
        let finished = futures::future::join_all(drives);
        if tokio::time::timeout(FINISH_WAIT, finished).await.is_err() {
            tracing::warn!(worker.id = %self.id, "batches were still under way at the end");
        }
        // The leases run out by themselves if this fails.
        let _ = in_time(FINISH_WAIT, lease::leave(&self.shared.pool, self.id)).await;
    }
}
