//! `daybook search`: finding, from the machine's side.

mod collection;
mod eval;
mod full_text;
mod indexes;
mod vectors;

use std::process::ExitCode;

use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub struct Search {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Measure words, meaning and both on folders of texts and judged questions
    Eval(eval::Eval),
    /// Measure how fast the nearest vectors are found in memory, Postgres and Qdrant, and how many
    /// of them
    Indexes(indexes::Indexes),
}

impl Search {
    pub async fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Eval(eval) => eval.run(settings).await,
            Command::Indexes(indexes) => indexes.run(settings).await,
        }
    }
}
