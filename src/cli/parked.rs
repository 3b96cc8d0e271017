//! `daybook parked`: what projections could not apply; try it again, or give it up.

use std::process::ExitCode;

use command_api::operations::{self, EVENTS_MAX};
use domain::{Name, Text};
use eventstore::Reader;
use projections::runtime::{self, ParkedEvent, ParkedGroup};
use query_api::audit::ShownEvent;
use serde::Serialize;
use serde_json::json;
use sqlx::PgPool;

use super::table::or_dash;
use super::{MACHINE, by_machine, readable, table};
use crate::backend::{Backend, Tenure};
use crate::settings::Settings;

/// Rows asked for at once.
const PAGE: i64 = 200;

#[derive(Debug, clap::Args)]
pub struct Parked {
    #[command(subcommand)]
    action: Action,

    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show every event set aside, the oldest first
    List(Of),
    /// Show what failed alike, and how much of it there is
    Groups(Of),
    /// Show one with what stands in the log
    Show {
        /// As `parked list` shows it
        id: i64,
    },
    /// Try one again now, or what failed of a projection
    Retry(Retry),
    /// Give one up, or what failed alike: no build will apply it
    Discard(Discard),
}

#[derive(Debug, clap::Args)]
struct Of {
    /// Of this projection only
    #[arg(long, value_name = "NAME")]
    projection: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Retry {
    /// As `parked list` shows it
    #[arg(required_unless_present = "projection", conflicts_with = "projection")]
    id: Option<i64>,

    /// What this projection has parked, the oldest first
    #[arg(long, value_name = "NAME")]
    projection: Option<String>,

    /// Only what failed alike, as `parked groups` shows it
    #[arg(long, requires = "projection")]
    group: Option<Name>,

    #[command(flatten)]
    most: Most,
}

#[derive(Debug, clap::Args)]
struct Discard {
    /// As `parked list` shows it
    #[arg(required_unless_present = "projection", conflicts_with = "projection")]
    id: Option<i64>,

    /// What this projection has parked, the oldest first
    #[arg(long, value_name = "NAME", requires = "group")]
    projection: Option<String>,

    /// What failed alike, as `parked groups` shows it
    #[arg(long, requires = "projection")]
    group: Option<Name>,

    #[command(flatten)]
    most: Most,

    /// Why no view needs it, which auditors will see
    #[arg(long)]
    reason: Text,
}

#[derive(Debug, clap::Args)]
struct Most {
    /// At most so many events [default: 1000]
    #[arg(long, value_name = "N", requires = "projection",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(EVENTS_MAX)))]
    up_to: Option<u32>,
}

impl Parked {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let backend = Backend::open(&settings, Tenure::Guest).await?;
        let done = self.act(&backend).await;
        backend.close().await;
        done.map(|()| ExitCode::SUCCESS)
    }

    async fn act(self, backend: &Backend) -> anyhow::Result<()> {
        let (pool, json) = (&backend.pool, self.json);
        match self.action {
            Action::List(of) => show(json, &events(pool, of.projection.as_deref()).await?, list),
            Action::Groups(of) => {
                show(json, &groups(pool, of.projection.as_deref()).await?, grouped)
            }
            Action::Show { id } => one(pool, id, json).await,
            Action::Retry(retry) => say(json, "tried again", retry.run(backend).await?),
            Action::Discard(discard) => say(json, "given up", discard.run(backend).await?),
        }
    }
}

fn show<T: Serialize>(
    json: bool,
    rows: &[T],
    print: impl FnOnce(&[T]) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(rows)?);
    } else if rows.is_empty() {
        println!("Nothing is parked.");
    } else {
        print(rows)?;
    }
    Ok(())
}

/// How many events it was about, and the position of the event that says so.
type Done = (i64, i64);

fn say(json: bool, what: &str, (events, position): Done) -> anyhow::Result<()> {
    if json {
        println!("{}", json!({ "events": events, "position": position }));
    } else {
        println!("{events} {what}.");
    }
    Ok(())
}

async fn events(pool: &PgPool, of: Option<&str>) -> Result<Vec<ParkedEvent>, sqlx::Error> {
    let mut all: Vec<ParkedEvent> = Vec::new();
    loop {
        let after = all.last().map_or(0, |event| event.id);
        let page = runtime::parked(pool, of, after, PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

async fn groups(pool: &PgPool, of: Option<&str>) -> Result<Vec<ParkedGroup>, sqlx::Error> {
    let mut all: Vec<ParkedGroup> = Vec::new();
    loop {
        let last = all.last();
        let after = last.map(|group| (group.projection.clone(), group.group.clone()));
        let page = runtime::parked_groups(pool, of, after, PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn list(events: &[ParkedEvent]) -> std::io::Result<()> {
    let row = |event: &ParkedEvent| {
        [
            event.id.to_string(),
            event.projection.clone(),
            event.position.to_string(),
            event.event_type.clone(),
            format!("{}/{}", event.aggregate_type, event.aggregate_id),
            event.attempts.to_string(),
            or_dash(event.due_at.map(|due| due.format(readable::TIME))),
            event.error.clone().unwrap_or_else(|| "waits behind another".to_owned()),
        ]
    };
    let head =
        ["id", "projection", "position", "event", "stream", "attempts", "tried again", "error"];
    table::print(head, &events.iter().map(row).collect::<Vec<_>>())
}

fn grouped(groups: &[ParkedGroup]) -> std::io::Result<()> {
    let row = |group: &ParkedGroup| {
        [
            group.projection.clone(),
            group.group.clone(),
            group.events.to_string(),
            group.oldest_position.to_string(),
            group.newest_position.to_string(),
            group.oldest_at.format(readable::TIME).to_string(),
            group.error.clone(),
        ]
    };
    let head = ["projection", "group", "events", "first", "last", "since", "error"];
    table::print(head, &groups.iter().map(row).collect::<Vec<_>>())
}

async fn one(pool: &PgPool, id: i64, json: bool) -> anyhow::Result<()> {
    let parked = runtime::parked_event(pool, id).await?;
    let reader = Reader::new(pool.clone());
    let events = reader.range(parked.position - 1, parked.position, 1).await?;
    let event = events.first().map(ShownEvent::of).transpose()?;
    let mut whole = serde_json::to_value(&parked)?;
    whole["event"] = serde_json::to_value(&event)?;
    if json {
        println!("{whole}");
    } else {
        list(&[parked])?;
        if let Some(event) = event {
            println!("{}", readable::payload(&event.payload));
        }
    }
    Ok(())
}

impl Most {
    fn events(&self) -> u32 {
        self.up_to.unwrap_or(EVENTS_MAX)
    }
}

impl Retry {
    async fn run(self, backend: &Backend) -> anyhow::Result<Done> {
        let (log, context) = (backend.log().await?, by_machine());
        let Some(name) = &self.projection else {
            let receipt = operations::retry(&log, &context, self.id.unwrap_or_default()).await?;
            return Ok((1, receipt.position));
        };
        let most = self.most.events();
        let (receipt, events) =
            operations::retry_failed(&log, &context, name, self.group, most).await?;
        Ok((events, receipt.position))
    }
}

impl Discard {
    async fn run(self, backend: &Backend) -> anyhow::Result<Done> {
        let (log, context, reason) = (backend.log().await?, by_machine(), self.reason);
        let (Some(name), Some(group)) = (&self.projection, self.group) else {
            let id = self.id.unwrap_or_default();
            let receipt = operations::discard(&log, &context, id, reason, MACHINE).await?;
            return Ok((1, receipt.position));
        };
        let most = self.most.events();
        let (receipt, events) =
            operations::discard_group(&log, &context, name, group, most, reason, MACHINE).await?;
        Ok((i64::try_from(events)?, receipt.position))
    }
}
