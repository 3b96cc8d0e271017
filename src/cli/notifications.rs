//! `daybook notifications`: what people were told, and what of it never went out; send that anew.

use std::io;
use std::process::ExitCode;

use command_api::operations;
use domain::notification::NotificationId;
use query_api::notification::{Notification, Status, told};
use serde_json::json;

use super::table::or_dash;
use super::{by_machine, readable, table};
use crate::backend::{Backend, Tenure};
use crate::settings::Settings;

/// Notifications that one command is about.
const NOTIFICATIONS_MAX: i64 = 1_000;

#[derive(Debug, clap::Args)]
pub struct Notifications {
    #[command(subcommand)]
    action: Action,

    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show what anybody was told, the newest first
    List {
        /// Only these
        #[arg(long, value_name = "waiting|sent|failed|given-up|cancelled")]
        status: Option<Wanted>,

        #[command(flatten)]
        most: Most,
    },
    /// Send one anew that was given up, or all of them
    Retry(Retry),
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Wanted {
    Waiting,
    Sent,
    Failed,
    GivenUp,
    Cancelled,
}

#[derive(Debug, clap::Args)]
struct Retry {
    /// As `notifications list` shows it
    #[arg(required_unless_present = "all_given_up", conflicts_with_all = ["all_given_up", "up_to"])]
    id: Option<NotificationId>,

    /// Whatever was given up, the newest first
    #[arg(long)]
    all_given_up: bool,

    #[command(flatten)]
    most: Most,
}

#[derive(Debug, clap::Args)]
struct Most {
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = NOTIFICATIONS_MAX,
          value_parser = clap::value_parser!(i64).range(1..=NOTIFICATIONS_MAX))]
    up_to: i64,
}

impl Notifications {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let backend = Backend::open(&settings, Tenure::Guest).await?;
        let done = self.act(&backend).await;
        backend.close().await;
        done.map(|()| ExitCode::SUCCESS)
    }

    async fn act(self, backend: &Backend) -> anyhow::Result<()> {
        match self.action {
            Action::List { status, most } => {
                let status = status.map(Status::from);
                let found = told(&backend.pool, None, status, None, most.up_to).await?;
                match self.json {
                    true => println!("{}", serde_json::to_string(&found)?),
                    false => list(&found)?,
                }
            }
            Action::Retry(retry) => {
                let (sent_anew, position) = retry.run(backend).await?;
                match self.json {
                    true => {
                        println!("{}", json!({ "notifications": sent_anew, "position": position }));
                    }
                    false => println!("{sent_anew} sent anew."),
                }
            }
        }
        Ok(())
    }
}

impl Retry {
    /// How many, and the position of the last event that says so.
    async fn run(self, backend: &Backend) -> anyhow::Result<(u64, Option<i64>)> {
        let log = backend.log().await?;
        if let Some(id) = self.id {
            let receipt = operations::retry_notification(&log, &by_machine(), id).await?;
            return Ok((1, Some(receipt.position)));
        }
        let (mut sent_anew, mut last) = (0, None);
        let given_up = Some(Status::GivenUp);
        for one in told(&backend.pool, None, given_up, None, self.most.up_to).await? {
            match operations::retry_notification(&log, &by_machine(), one.id.parse()?).await {
                Ok(receipt) => (sent_anew, last) = (sent_anew + 1, Some(receipt.position)),
                // What is shown may be a little old.
                Err(problem) if problem.code() == operations::NOT_GIVEN_UP => {}
                Err(problem) => return Err(problem.into()),
            }
        }
        Ok((sent_anew, last))
    }
}

impl From<Wanted> for Status {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Waiting => Self::Waiting,
            Wanted::Sent => Self::Sent,
            Wanted::Failed => Self::Failed,
            Wanted::GivenUp => Self::GivenUp,
            Wanted::Cancelled => Self::Cancelled,
        }
    }
}

fn list(found: &[Notification]) -> io::Result<()> {
    if found.is_empty() {
        println!("There is none.");
        return Ok(());
    }
    let row = |one: &Notification| {
        [
            one.id.clone(),
            one.message["kind"].as_str().unwrap_or_default().to_owned(),
            one.status.clone(),
            one.attempts.to_string(),
            one.changed_at.format(readable::TIME).to_string(),
            or_dash(one.retry_at.map(|at| at.format(readable::TIME))),
            one.error.clone().unwrap_or_default(),
        ]
    };
    let head = ["id", "about", "status", "attempts", "since", "tried again", "error"];
    table::print(head, &found.iter().map(row).collect::<Vec<_>>())
}
