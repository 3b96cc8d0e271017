//! `daybook migrate`: forward only, one process at a time.

use std::process::ExitCode;

use crate::backend;
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub struct Migrate {}

impl Migrate {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let version = backend::migrate(&settings).await?;
        println!("The database is up to date (migration {version}).");
        Ok(ExitCode::SUCCESS)
    }
}
