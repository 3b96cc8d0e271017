//! `daybook projections`: how the read models are doing, build them anew, compare them with that.

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{bail, ensure};
use command_api::operations;
use eventstore::{Feed, Reader};
use indicatif::{MultiProgress, ProgressBar};
use projections::Projection;
use projections::runtime::{
    BuildKey, BuildState, ProjectionStatus, VerifyReport, is_run, status, verify,
};
use tokio_util::sync::CancellationToken;

use super::{MACHINE, by_machine, progress};
use crate::backend::{Backend, Tenure};
use crate::settings::Settings;

const LOOK_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub struct Projections {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show position, lag, rate and trouble of each
    List {
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Build anew beside the live one, then switch
    Rebuild(Chosen),
    /// Stop some where they are, until they are resumed
    Pause(Chosen),
    /// Let paused ones go on
    Resume(Chosen),
    /// Build anew beside the live one, compare all rows, and drop what was built
    Verify(Chosen),
}

#[derive(Debug, clap::Args)]
struct Chosen {
    /// Names, as `projections list` shows them
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "NAME")]
    names: Vec<String>,

    /// Every projection
    #[arg(long)]
    all: bool,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Chosen {
    fn projections(&self) -> anyhow::Result<Vec<Box<dyn Projection>>> {
        let all = projections::all();
        let known: Vec<&str> = all.iter().map(|projection| projection.name()).collect();
        if let Some(unknown) = self.names.iter().find(|name| !known.contains(&name.as_str())) {
            bail!("there is no projection {unknown}; there are {}", known.join(", "));
        }
        let chosen = |name: &str| self.all || self.names.iter().any(|chosen| chosen == name);
        Ok(all.into_iter().filter(|projection| chosen(projection.name())).collect())
    }
}

impl Projections {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let backend = Backend::open(&settings, Tenure::Guest).await?;
        let done = match &self.action {
            Action::List { json } => list(&backend, *json).await,
            Action::Pause(chosen) => set_paused(&backend, chosen, true).await,
            Action::Resume(chosen) => set_paused(&backend, chosen, false).await,
            Action::Rebuild(chosen) => rebuild(&backend, chosen).await,
            Action::Verify(chosen) => verify_each(&backend, chosen).await,
        };
        backend.close().await;
        done
    }
}

async fn list(backend: &Backend, json: bool) -> anyhow::Result<ExitCode> {
    let builds = status(&backend.pool).await?;
    if json {
        println!("{}", serde_json::to_string(&builds)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{:<18} {:>7} {:<9} {:>10} {:>9} {:>8} {:>9} {:>6}  trouble",
        "projection", "version", "state", "position", "lag", "seconds", "per s", "parked"
    );
    for build in builds {
        println!(
            "{:<18} {:>7} {:<9} {:>10} {:>9} {:>8.1} {:>9.0} {:>6}  {}",
            build.name,
            format!("{}.{}", build.version, build.build),
            state(&build),
            build.position,
            build.lag_events,
            build.lag_seconds,
            build.rate,
            build.parked,
            trouble(&build),
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn state(build: &ProjectionStatus) -> &'static str {
    match build.state {
        BuildState::Building => "building",
        BuildState::Live => "live",
        BuildState::Retired => "retired",
    }
}

fn trouble(build: &ProjectionStatus) -> String {
    let words = [
        (build.paused, "paused"),
        (build.stalled, "stalled"),
        (build.stale, "stale"),
        (build.degraded, "degraded"),
    ];
    let words = words.iter().filter(|(is_so, _)| *is_so).map(|(_, word)| (*word).to_owned());
    words.chain(build.error.clone()).collect::<Vec<_>>().join(", ")
}

async fn set_paused(backend: &Backend, chosen: &Chosen, stop: bool) -> anyhow::Result<ExitCode> {
    let log = backend.log().await?;
    let mut names = Vec::new();
    for projection in chosen.projections()? {
        let (name, context) = (projection.name(), by_machine());
        match stop {
            true => operations::pause(&log, &context, name, MACHINE).await?,
            false => operations::resume(&log, &context, name, MACHINE).await?,
        };
        names.push(name);
    }
    if chosen.json {
        println!("{}", serde_json::json!({ "paused": stop, "projections": names }));
    } else {
        let done = if stop { "is paused" } else { "goes on" };
        names.iter().for_each(|name| println!("{name} {done}."));
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks for the builds and watches them go live. If no program runs projections, this one does
/// meanwhile.
async fn rebuild(backend: &Backend, chosen: &Chosen) -> anyhow::Result<ExitCode> {
    let projections = chosen.projections()?;
    let mut nobody = false;
    for projection in &projections {
        nobody |= !is_run(&backend.pool, projection.name()).await?;
    }
    let stop = CancellationToken::new();
    let worker = nobody.then(|| {
        let (pool, reader) = (backend.pool.clone(), Reader::new(backend.pool.clone()));
        let feed = Feed::new(reader.clone(), None);
        tokio::spawn(projections::run(pool, reader, feed, stop.clone()))
    });
    let rebuilt = rebuild_and_watch(backend, &projections).await;
    stop.cancel();
    if let Some(worker) = worker {
        worker.await?;
    }
    let rebuilt = rebuilt?;
    if chosen.json {
        println!("{}", serde_json::to_string(&rebuilt)?);
    } else {
        for build in &rebuilt {
            println!("{} is live at position {}.", build.name, build.position);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn rebuild_and_watch(
    backend: &Backend,
    projections: &[Box<dyn Projection>],
) -> anyhow::Result<Vec<ProjectionStatus>> {
    let log = backend.log().await?;
    let mut waiting = HashMap::new();
    let bars = MultiProgress::new();
    for projection in projections {
        let name = projection.name();
        while !is_run(&backend.pool, name).await? {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let (_, build) = operations::rebuild(&log, &by_machine(), name)
            .await
            .map_err(|problem| anyhow::anyhow!("{name}: {}", problem.detail()))?;
        let bar = bars.add(progress::bar(name, log.reader().head().await?));
        waiting.insert(build, bar);
    }
    let mut rebuilt = Vec::new();
    while !waiting.is_empty() {
        let builds = status(&backend.pool).await?;
        for build in builds {
            let key =
                BuildKey { name: build.name.clone(), version: build.version, build: build.build };
            let Some(bar) = waiting.get(&key) else { continue };
            show(bar, &build);
            if build.live_at.is_some() {
                bar.finish_and_clear();
                waiting.remove(&key);
                rebuilt.push(build);
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(rebuilt)
}

fn show(bar: &ProgressBar, build: &ProjectionStatus) {
    bar.set_length(u64::try_from(build.head).unwrap_or(0));
    progress::reach(bar, build.position);
    if let Some(error) = &build.error {
        bar.set_message(format!("{}: {error}", build.name));
    }
}

/// How a fresh build of one projection compares with the live one.
pub async fn compare(backend: &Backend, name: &str, json: bool) -> anyhow::Result<ExitCode> {
    verify_each(backend, &Chosen { names: vec![name.to_owned()], all: false, json }).await
}

async fn verify_each(backend: &Backend, chosen: &Chosen) -> anyhow::Result<ExitCode> {
    let reader = Reader::new(backend.pool.clone());
    let mut reports = Vec::new();
    for projection in chosen.projections()? {
        let bar = progress::bar(projection.name(), reader.head().await?);
        let report = verify(&backend.pool, &reader, &*projection, &|progress| {
            bar.set_length(u64::try_from(progress.target).unwrap_or(0));
            progress::reach(&bar, progress.position);
        })
        .await;
        bar.finish_and_clear();
        let report = report?;
        if !chosen.json {
            print(&report);
        }
        reports.push(report);
    }
    ensure!(!reports.is_empty(), "there is no projection to verify");
    if chosen.json {
        println!("{}", serde_json::to_string(&reports)?);
    }
    let equal = reports.iter().all(|report| report.equal);
    Ok(if equal { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(report: &VerifyReport) {
    let rows: i64 = report.tables.iter().map(|table| table.rows_live).sum();
    println!(
        "{}: {} at position {}, {} tables, {rows} rows, {} events in {:.1} s{}",
        report.name,
        if report.equal { "equal" } else { "DIFFERENT" },
        report.position,
        report.tables.len(),
        report.events,
        report.seconds,
        match report.left_out {
            0 => String::new(),
            left_out => format!(", {left_out} parked or discarded events left out"),
        },
    );
    for table in report.tables.iter().filter(|table| !table.equal) {
        println!(
            "  {}: {} rows only in the live one, {} only in the fresh one",
            table.table, table.only_live, table.only_fresh
        );
        for sample in &table.samples {
            println!("    {:<5} {}", sample.side, sample.row);
        }
    }
}
