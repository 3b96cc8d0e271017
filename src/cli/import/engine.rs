//! Runs a plan: many commands at a time, those of one lane in their order.

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Instant,
};

use anyhow::{Context as _, bail};
use eventstore::Log;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    report::{Outcome, Report},
    send::{System, send},
    work::{Plan, Stage, Task, Work},
};

/// Commands waiting in each lane, so that reading neither waits nor runs ahead without bound.
const LANE_QUEUE_MAX: usize = 16;

pub struct Engine {
    /// None in a dry run: every command counts as accepted.
    system: Option<System>,
    /// How many commands are on their way at a time.
    concurrency: usize,
    caller: Arc<str>,
    report: Arc<Mutex<Report>>,
    /// The first failure; everything else stops as soon as it is there.
    failure: Arc<OnceLock<String>>,
    quiet: bool,
}

/// Runs all stages of the plan and says what became of every row, also when it ended early.
pub async fn run(
    log: Option<Log>,
    plan: Plan,
    concurrency: usize,
    quiet: bool,
    report: Report,
) -> anyhow::Result<Report> {
    let engine = Engine {
        system: log.map(System::new),
        concurrency: concurrency.max(1),
        caller: plan.source.caller().into(),
        report: Arc::new(Mutex::new(report)),
        failure: Arc::default(),
        quiet,
    };
    for stage in plan.stages {
        engine.stage(stage).await?;
        if engine.failure.get().is_some() {
            break;
        }
    }
    let Engine { report, failure, .. } = engine;
    let report = Arc::into_inner(report).context("every worker has ended")?;
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.failure = failure.get().cloned();
    report.finish()?;
    Ok(report)
}

impl Engine {
    async fn stage(&self, stage: Stage) -> anyhow::Result<()> {
        let started = Instant::now();
        let bar = self.bar(&stage);
        let mut lanes = Vec::with_capacity(self.concurrency);
        let mut workers = JoinSet::new();
        for _ in 0..self.concurrency {
            let (sender, receiver) = mpsc::channel(LANE_QUEUE_MAX);
            lanes.push(sender);
            workers.spawn(self.worker(receiver, bar.clone()));
        }
        let (report, counted) = (self.report.clone(), bar.clone());
        let name = stage.name;
        let produced = tokio::task::spawn_blocking(move || {
            (stage.produce)(&mut |work| {
                let Work::Send(task) = work else {
                    counted.inc(1);
                    return note(&mut report.lock().unwrap_or_else(PoisonError::into_inner), work);
                };
                let lane = (task.lane ^ (task.lane >> 64)) as u64 as usize % lanes.len();
                if lanes[lane].blocking_send(task).is_err() {
                    bail!(Stopped);
                }
                Ok(())
            })
        });
        let produced = produced.await?;
        workers.join_all().await;
        bar.finish_and_clear();
        let (count, took) = (bar.position(), started.elapsed());
        if !self.quiet {
            let rate = count as f64 / took.as_secs_f64().max(0.001);
            eprintln!("{name}: {count} in {:.1} s ({rate:.0}/s)", took.as_secs_f64());
        }
        self.lock().stage_done(name, count, took);
        match produced {
            Err(error) if !error.is::<Stopped>() => {
                self.failure.get_or_init(|| format!("{error:#}"));
            }
            _ => {}
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn worker(
        &self,
        mut lane: mpsc::Receiver<Box<Task>>,
        bar: ProgressBar,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (system, caller) = (self.system.clone(), self.caller.clone());
        let (report, failure) = (self.report.clone(), self.failure.clone());
        async move {
            while let Some(task) = lane.recv().await {
                if failure.get().is_some() {
                    return;
                }
                let outcome = match &system {
                    None => Ok(Outcome::Done),
                    Some(system) => send(system, &caller, &task).await,
                };
                let settled = match outcome {
                    Err(problem) => Err(format!("{}: {problem}", task.key)),
                    Ok(outcome) => {
                        bar.inc(task.rows.len().max(1) as u64);
                        let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                        let settled = report.settled(task.action.noun(), task.rows, outcome);
                        settled.map_err(|error| format!("{error:#}"))
                    }
                };
                if let Err(why) = settled {
                    failure.get_or_init(|| why);
                    return;
                }
            }
        }
    }

    fn bar(&self, stage: &Stage) -> ProgressBar {
        let target =
            if self.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(stage.total), target);
        let template = "{prefix:14} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}";
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_prefix(stage.name);
        bar
    }
}

/// The workers have ended, so there is no use in reading on.
#[derive(Debug)]
struct Stopped;

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped")
    }
}

impl std::error::Error for Stopped {}

fn note(report: &mut Report, work: Work) -> anyhow::Result<()> {
    match work {
        Work::Refused { rows, code, detail } => report.refused(rows, code, &detail),
        Work::Unreadable { rows, why } => report.unreadable(rows, &why),
        Work::Blank { file, lines } => {
            report.blank(file, lines);
            Ok(())
        }
        Work::Send(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use chrono::DateTime;

    use super::*;
    use crate::cli::import::{
        source::Source,
        table::RowRef,
        work::{Emit, register},
    };

    fn plan(produce: impl FnOnce(&mut Emit<'_>) -> anyhow::Result<()> + Send + 'static) -> Plan {
        let stage = Stage { name: "test", total: 3, produce: Box::new(produce) };
        Plan {
            source: Source::new("test").unwrap(),
            files: vec!["file.csv".to_owned()],
            stages: vec![stage],
            places_orders: false,
        }
    }

    async fn dry(plan: Plan) -> serde_json::Value {
        let report = Report::new("test", &plan.files, false);
        run(None, plan, 4, true, report).await.unwrap().json()
    }

    #[tokio::test]
    async fn a_dry_run_counts_every_row_and_sends_nothing() {
        let report = dry(plan(|emit| {
            let source = Source::new("test")?;
            for line in 2..102 {
                let (mut task, _) = register(&source, "Reader", "7", DateTime::UNIX_EPOCH);
                task.rows = vec![RowRef::new(0, line, "7")];
                emit(Work::Send(Box::new(task)))?;
            }
            emit(Work::refused(RowRef::new(0, 102, "x"), "code", "no"))?;
            emit(Work::unreadable(RowRef::new(0, 103, "x"), "why"))?;
            emit(Work::Blank { file: 0, lines: 5 })
        }))
        .await;
        let file = &report["files"][0];
        let counts = ["accepted", "refused", "unreadable"].map(|kind| file[kind]["rows"].as_u64());
        assert_eq!(counts, [Some(100), Some(1), Some(1)], "{report}");
        assert_eq!((&file["rows"]["rows"], report["failure"].is_null()), (&102.into(), true));
    }

    #[tokio::test]
    async fn a_file_that_breaks_off_ends_the_import_with_what_is_known() {
        let report = dry(plan(|emit| {
            emit(Work::unreadable(RowRef::new(0, 2, "x"), "why"))?;
            bail!("the disk is gone")
        }))
        .await;
        assert_eq!(report["failure"], "the disk is gone", "{report}");
        assert_eq!(report["files"][0]["unreadable"]["rows"], 1, "{report}");
    }
}
