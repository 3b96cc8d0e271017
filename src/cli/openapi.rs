//! `daybook openapi`: what `/openapi.json` answers when all roles are in one process.

use std::process::ExitCode;

use crate::roles;

#[derive(Debug, clap::Args)]
pub struct Openapi {}

impl Openapi {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        println!("{}", roles::description().await?.to_pretty_json()?);
        Ok(ExitCode::SUCCESS)
    }
}
