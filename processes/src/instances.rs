//! The instances of a process: which have something to do, and which are parked.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use eventstore::{Log, RecordedEvent};
use tokio::task::{JoinError, JoinSet};

use crate::cause::Task;
use crate::checkpoint::Progress;
use crate::failure::{Failure, in_time};
use crate::lanes::Lanes;
use crate::process::Process;
use crate::reaction::{ATTEMPTS_MAX, until_done};
use crate::running::Underway;
use crate::{parking, running};

/// Reactions running at a time.
const INSTANCES_MAX: usize = 64;

/// One reaction's end.
pub(crate) struct Done {
    instance: String,
    position: i64,
    /// It had been parked.
    late: bool,
    result: Result<(), Failure>,
}

pub(crate) struct Instances<'a> {
    process: Arc<dyn Process>,
    log: &'a Log,
    progress: Progress,
    lanes: Lanes,
    parked: HashSet<String>,
    /// The parked instances that are being tried again right now.
    retried: HashSet<String>,
    reactions: JoinSet<Done>,
    /// The reactions by the position of their event.
    underway: HashMap<i64, Arc<Underway>>,
}

impl<'a> Instances<'a> {
    pub(crate) async fn load(
        process: Arc<dyn Process>,
        log: &'a Log,
        position: i64,
    ) -> Result<Self, Failure> {
        let parked = in_time(parking::load(log.reader(), process.name())).await?;
        Ok(Self {
            process,
            log,
            progress: Progress::new(position),
            lanes: Lanes::default(),
            parked,
            retried: HashSet::new(),
            reactions: JoinSet::new(),
            underway: HashMap::new(),
        })
    }

    fn name(&self) -> &'static str {
        self.process.name()
    }

    /// Everything up to here needs no reaction any more, or is parked.
    pub(crate) fn finished(&self) -> i64 {
        self.progress.finished()
    }

    /// Events that wait for a free hand.
    pub(crate) const fn waiting(&self) -> usize {
        self.lanes.waiting()
    }

    /// The next reaction that ends; none while there is nothing to do. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Result<Done, JoinError>> {
        self.reactions.join_next().await
    }

    /// As many reactions as may run at a time.
    pub(crate) fn begin(&mut self) {
        while self.reactions.len() < INSTANCES_MAX
            && let Some(task) = self.lanes.pop()
        {
            self.spawn(task, false);
        }
    }

    fn spawn(&mut self, task: Task, late: bool) {
        let (process, log) = (Arc::clone(&self.process), self.log.clone());
        let underway = Arc::new(Underway::new(&task.instance, task.position));
        self.underway.insert(task.position, Arc::clone(&underway));
        self.reactions.spawn(async move {
            let result = until_done(&*process, &log, &task, &underway).await;
            Done { instance: task.instance, position: task.position, late, result }
        });
    }

    /// Gives new events a lane, or their place behind one that is parked.
    pub(crate) async fn take(&mut self, batch: &[RecordedEvent]) -> Result<(), Failure> {
        let tasks = batch.iter().filter_map(|event| Task::of(&*self.process, event));
        let (behind, free): (Vec<Task>, Vec<Task>) =
            tasks.partition(|task| self.parked.contains(&task.instance));
        self.queue(behind).await?;
        for task in free {
            self.progress.begin(task.position);
            self.lanes.push(task);
        }
        if let Some(last) = batch.last() {
            self.progress.scanned(last.position);
        }
        Ok(())
    }

    async fn queue(&self, tasks: impl IntoIterator<Item = Task>) -> Result<(), Failure> {
        let events: Vec<(String, i64)> =
            tasks.into_iter().map(|task| (task.instance, task.position)).collect();
        match events.is_empty() {
            true => Ok(()),
            false => in_time(parking::queue(self.log.pool(), self.name(), &events)).await,
        }
    }

    pub(crate) async fn settle(&mut self, done: Done) -> Result<(), Failure> {
        let Done { instance, position, late, result } = done;
        self.underway.remove(&position);
        match (late, result) {
            (false, Ok(())) => {
                self.progress.finish(position);
                self.lanes.finish(&instance);
            }
            (false, Err(failure)) => {
                self.park(&instance, position, &failure).await?;
                self.parked.insert(instance.clone());
                let behind = self.lanes.close(&instance);
                let positions: Vec<i64> = behind.iter().map(|task| task.position).collect();
                self.queue(behind).await?;
                self.progress.finish(position);
                positions.into_iter().for_each(|position| self.progress.finish(position));
            }
            (true, Ok(())) => self.release(instance, position).await?,
            (true, Err(failure)) => {
                self.park(&instance, position, &failure).await?;
                self.retried.remove(&instance);
            }
        }
        Ok(())
    }

    async fn park(&self, instance: &str, position: i64, failure: &Failure) -> Result<(), Failure> {
        let name = self.name();
        tracing::error!(
            process = name, instance, event.position = position, error = %failure,
            "process {name} parked event {position} of {instance}: {failure}",
        );
        let (event, error) = ((instance, position), failure.to_string());
        in_time(parking::park(self.log.pool(), name, event, ATTEMPTS_MAX, &error)).await
    }

    async fn release(&mut self, instance: String, position: i64) -> Result<(), Failure> {
        let name = self.name();
        tracing::info!(process = name, instance, event.position = position, "no longer parked");
        let next = parking::release(self.log.pool(), name, &instance, position);
        match in_time(next).await? {
            Some(next) => self.retry(instance, next).await?,
            None => {
                self.retried.remove(&instance);
                self.parked.remove(&instance);
            }
        }
        Ok(())
    }

    pub(crate) async fn retry_parked(&mut self) -> Result<(), Failure> {
        if self.parked.len() == self.retried.len() {
            return Ok(());
        }
        for (instance, position) in in_time(parking::due(self.log.pool(), self.name())).await? {
            if self.retried.insert(instance.clone()) {
                self.retry(instance, position).await?;
            }
        }
        Ok(())
    }

    /// Reacts to an event that is parked; boxed, since an event that is there no more is released.
    async fn retry(&mut self, instance: String, position: i64) -> Result<(), Failure> {
        let events = in_time(self.log.reader().range(position - 1, position, 1)).await?;
        match events.first().and_then(|event| Task::of(&*self.process, event)) {
            Some(task) => self.spawn(task, true),
            None => Box::pin(self.release(instance, position)).await?,
        }
        Ok(())
    }

    /// Tells operators what is under way.
    pub(crate) async fn report(&self) -> Result<(), Failure> {
        let underway: Vec<Arc<Underway>> = self.underway.values().cloned().collect();
        let told = running::publish(self.log.pool(), self.name(), &underway, self.waiting());
        in_time(told).await
    }
}
