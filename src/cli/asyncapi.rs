//! `daybook asyncapi`: what `/asyncapi.json` answers.

use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Asyncapi {}

impl Asyncapi {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        println!("{}", serde_json::to_string_pretty(eventstore::bus::asyncapi())?);
        Ok(ExitCode::SUCCESS)
    }
}
