//! `daybook reco rebuild`: the model as it was at a position of the log, fitted again to prove which
//! one it was.

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use eventstore::Log;
use processes::{Proof, Training, prove};
use projections::runtime::as_of;
use serde_json::json;

use super::eval::positive;
use super::train::described;
use crate::backend::{Backend, Tenure};
use crate::cli::progress;
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub struct Rebuild {
    /// Of the log up to here, such as the position of a ModelTrained
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(i64).range(1..))]
    to_position: i64,

    /// How strongly weights are pulled towards zero [default: as on record for this position, or
    /// else as the setting train_lambda]
    #[arg(long, value_name = "NUMBER", value_parser = positive)]
    lambda: Option<f64>,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Rebuild {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let backend = Backend::open(&settings, Tenure::Guest).await?;
        let proof = match backend.log().await {
            Ok(log) => self.proof(&log, settings.training()).await,
            Err(error) => Err(error),
        };
        backend.close().await;
        self.print(&proof?)
    }

    async fn proof(&self, log: &Log, usual: Training) -> anyhow::Result<Proof> {
        let (position, head) = (self.to_position, log.reader().head().await?);
        ensure!(
            position <= head,
            "the log ends at position {head}: nothing is known of {position}"
        );
        let features = projections::all().into_iter().find(|it| it.name() == "features");
        let features = features.context("this program has no features")?;
        let bar = progress::bar("counting", position);
        let proof = as_of(
            log.pool(),
            log.reader(),
            &*features,
            position,
            &|fresh| progress::reach(&bar, fresh.position),
            async |schema| {
                bar.set_message("fitting");
                prove(log, schema, position, self.lambda, usual).await
            },
        )
        .await;
        bar.finish_and_clear();
        proof??.with_context(|| format!("at position {position} nobody liked anything yet"))
    }

    /// A model that is not the one on record is no success.
    fn print(&self, proof: &Proof) -> anyhow::Result<ExitCode> {
        let (outcome, said) = match proof.is_as_recorded() {
            Some(true) => ("as recorded", "this is the model on record for this position"),
            Some(false) => ("DIFFERENT", "another model is on record for this position"),
            None => (
                "not on record",
                "no model of this position was ever offered that was made as today",
            ),
        };
        if self.json {
            let Proof { fit, counts_hash, recorded } = proof;
            let as_recorded = proof.is_as_recorded();
            println!(
                "{}",
                json!({ "fit": fit, "counts_hash": counts_hash, "recorded": recorded,
                        "as_recorded": as_recorded, "detail": said })
            );
        } else {
            println!("{}", described(&proof.fit));
            println!("counts      {}", proof.counts_hash);
            println!("item order  {}", proof.fit.item_order_hash);
            println!("model       {}", proof.fit.model_hash);
            if let (Some(recorded), Some(false)) = (&proof.recorded, proof.is_as_recorded()) {
                println!("on record   {}", recorded.model_hash);
            }
            println!("{outcome}: {said}");
        }
        let differs = proof.is_as_recorded() == Some(false);
        Ok(if differs { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
