//! `daybook adopt`: takes over the events table of a stock postgres-es program.

use std::process::ExitCode;

use eventstore::adopt::{Adoption, adopt};

use super::progress;
use crate::backend::{Backend, Tenure};
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub struct Adopt {
    /// The table in our database, `schema.table` or `table`
    #[arg(long)]
    table: String,

    /// Read and check everything, append nothing
    #[arg(long)]
    dry_run: bool,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Adopt {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let backend = Backend::open(&settings, Tenure::Guest).await?;
        let adopted = self.adopt(&backend).await;
        backend.close().await;
        let adoption = adopted?;
        if self.json {
            println!("{}", serde_json::to_string(&adoption)?);
        } else {
            print(&adoption);
        }
        Ok(if adoption.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn adopt(&self, backend: &Backend) -> anyhow::Result<Adoption> {
        let log = backend.log().await?;
        let bar = progress::bar("adopting", 0);
        let adopted = adopt(&log, &self.table, self.dry_run, |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        })
        .await;
        bar.finish_and_clear();
        Ok(adopted?)
    }
}

fn print(adoption: &Adoption) {
    let Adoption { table, order, rows, streams, appended, known, refused, .. } = adoption;
    println!("{table}: {rows} events of {streams} streams, in order: {order}.");
    if adoption.dry_run {
        println!("Nothing was appended: this was a dry run.");
    } else {
        println!("Appended {appended}, known from an earlier run {known}, refused {refused}.");
    }
    for problem in &adoption.problems {
        println!("  {problem}");
    }
    let more = refused.saturating_sub(adoption.problems.len() as u64);
    if more > 0 {
        println!("  and {more} more");
    }
}
