//! `daybook bench`: what it costs, beside what people would take instead.

use std::process::ExitCode;

use crate::settings::Settings;

#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Bench {
    #[command(flatten)]
    bench: bench::Bench,
}

impl Bench {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let database_url = settings.database_url.map(|url| url.expose().to_owned());
        self.bench.run(std::env::current_exe()?, database_url).await
    }
}
