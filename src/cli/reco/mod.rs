//! `daybook reco`: recommendations, from the machine's side.

mod contenders;
mod eval;
mod rows;

use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Reco {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Measure ways of recommending on files of who liked what; needs no database
    Eval(eval::Eval),
}

impl Reco {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Eval(eval) => eval.run(),
        }
    }
}
