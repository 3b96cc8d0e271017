//! `daybook reco`: recommendations, from the machine's side.

mod contenders;
mod eval;
mod explain;
mod lists;
mod rebuild;
mod rows;
mod train;

use std::process::ExitCode;

use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub struct Reco {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Measure ways of recommending on files of who liked what; needs no database
    Eval(eval::Eval),
    /// What somebody is recommended, and what each item's score is made of
    Explain(explain::Explain),
    /// Fix the lists of the week, the month and all time for today, unless they are
    Lists(lists::Lists),
    /// Fit the model of a position of the log again, and compare it with the one on record
    Rebuild(rebuild::Rebuild),
    /// Fit what is recommended to what people like now, and let it serve unless it does worse
    Train(train::Train),
}

impl Reco {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Eval(eval) => eval.run(),
            Command::Explain(explain) => explain.run(settings).await,
            Command::Lists(lists) => lists.run(settings).await,
            Command::Rebuild(rebuild) => rebuild.run(settings).await,
            Command::Train(train) => train.run(settings).await,
        }
    }
}
