//! `daybook processes`: what reacts to events, how far it is and at what.

use std::io;
use std::process::ExitCode;

use anyhow::ensure;
use command_api::operations;
use processes::{Instance, InstanceState, ProcessStatus, Reaction, Steps};
use serde_json::json;
use sqlx::PgPool;

use super::table::or_dash;
use super::{by_machine, readable, table};
use crate::backend::{Backend, Tenure};
use crate::settings::Settings;

/// Rows asked for at once.
const PAGE: i64 = 200;

#[derive(Debug, clap::Args)]
pub struct Processes {
    #[command(subcommand)]
    action: Action,

    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show position, lag and trouble of each
    List,
    /// Show what a process has parked, and what it has been at for a second or more
    Instances {
        /// As `processes list` shows it
        process: String,

        /// Only these
        #[arg(long, value_name = "parked|running")]
        state: Option<Wanted>,
    },
    /// Show what a process did about one order, one notification ...
    Steps {
        process: String,

        /// The id of the stream that the process reacts to
        instance: String,
    },
    /// Try a parked instance again now
    Retry { process: String, instance: String },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Wanted {
    Parked,
    Running,
}

impl Processes {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let backend = Backend::open(&settings, Tenure::Guest).await?;
        let done = self.act(&backend).await;
        backend.close().await;
        done.map(|()| ExitCode::SUCCESS)
    }

    async fn act(self, backend: &Backend) -> anyhow::Result<()> {
        let (pool, json) = (&backend.pool, self.json);
        match self.action {
            Action::List => {
                let all = processes::status(pool).await?;
                if json { as_json(&all) } else { Ok(list(&all)?) }
            }
            Action::Instances { process, state } => {
                let state = state.map(|state| match state {
                    Wanted::Parked => InstanceState::Parked,
                    Wanted::Running => InstanceState::Running,
                });
                processes::known(pool, &process).await?;
                let found = instances(pool, &process, state).await?;
                if json { as_json(&found) } else { Ok(at_work(&found)?) }
            }
            Action::Steps { process, instance } => {
                processes::known(pool, &process).await?;
                let steps = processes::steps(pool, &process, &instance).await?;
                ensure!(!steps.reactions.is_empty(), "{process} never had to do with {instance}");
                if json { as_json(&steps) } else { Ok(waterfall(&steps)?) }
            }
            Action::Retry { process, instance } => {
                let (log, context) = (backend.log().await?, by_machine());
                let receipt =
                    operations::retry_instance(&log, &context, &process, &instance).await?;
                if json {
                    println!("{}", json!({ "instance": instance, "position": receipt.position }));
                } else {
                    println!("{instance} is tried again.");
                }
                Ok(())
            }
        }
    }
}

fn as_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(value)?);
    Ok(())
}

fn list(all: &[ProcessStatus]) -> io::Result<()> {
    let row = |process: &ProcessStatus| {
        let words = [(!process.active, "runs nowhere"), (process.stalled, "stalled")];
        let trouble = words.iter().filter(|(is_so, _)| *is_so).map(|(_, word)| *word);
        [
            process.name.clone(),
            process.position.to_string(),
            process.lag_events.to_string(),
            format!("{:.1}", process.lag_seconds),
            process.running.to_string(),
            process.waiting.to_string(),
            process.parked.to_string(),
            trouble.collect::<Vec<_>>().join(", "),
        ]
    };
    let head = ["process", "position", "lag", "seconds", "running", "waiting", "parked", "trouble"];
    table::print(head, &all.iter().map(row).collect::<Vec<_>>())
}

async fn instances(
    pool: &PgPool,
    process: &str,
    state: Option<InstanceState>,
) -> Result<Vec<Instance>, sqlx::Error> {
    let mut all: Vec<Instance> = Vec::new();
    loop {
        let after = all.last().map(|last| (last.position, last.state));
        let page = processes::instances(pool, process, state, after, PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn at_work(found: &[Instance]) -> io::Result<()> {
    let row = |one: &Instance| {
        let state = match one.state {
            InstanceState::Parked => "parked",
            InstanceState::Running => "running",
        };
        [
            one.instance.clone(),
            state.to_owned(),
            one.position.to_string(),
            one.event_type.clone(),
            one.since.format(readable::TIME).to_string(),
            one.attempts.to_string(),
            or_dash(one.retry_at.map(|at| at.format(readable::TIME))),
            one.behind.to_string(),
            one.error.clone().unwrap_or_default(),
        ]
    };
    let head = [
        "instance",
        "state",
        "position",
        "event",
        "since",
        "attempts",
        "tried again",
        "behind",
        "error",
    ];
    table::print(head, &found.iter().map(row).collect::<Vec<_>>())
}

fn waterfall(steps: &Steps) -> io::Result<()> {
    for reaction in &steps.reactions {
        println!("{}", readable::plain(&heading(reaction)));
        let row = |step: &processes::Step| {
            let said = step.refusal.as_ref().map(ToString::to_string);
            [
                format!("+{:.3} s", step.after_seconds),
                step.step.clone(),
                step.event_type.clone().unwrap_or_else(|| format!("{:?}", step.outcome)),
                format!("{}/{}", step.aggregate_type, step.aggregate_id),
                or_dash(step.attempt.as_ref()),
                or_dash(step.retry_at.as_ref()),
                said.or_else(|| step.error.clone()).unwrap_or_default(),
            ]
        };
        let head = ["after", "step", "came of it", "stream", "attempt", "tried again", "error"];
        table::print(head, &reaction.steps.iter().map(row).collect::<Vec<_>>())?;
    }
    if steps.truncated {
        println!("There is more.");
    }
    Ok(())
}

fn heading(reaction: &Reaction) -> String {
    let Reaction { position, event_type, recorded_at, state, .. } = reaction;
    let at = recorded_at.format(readable::TIME);
    let trouble = match (&reaction.error, reaction.attempts) {
        (Some(error), Some(attempts)) => format!(" after {attempts} attempts: {error}"),
        _ => String::new(),
    };
    format!("{event_type} at {position}, {at}: {state}{trouble}")
}
