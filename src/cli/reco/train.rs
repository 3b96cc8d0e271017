//! `daybook reco train`: fits what is recommended now, rather than when enough has happened.

use std::process::ExitCode;

use domain::model::Fit;
use processes::{Trained, Training, train};
use serde_json::json;

use super::eval::positive;
use crate::backend::{Backend, Tenure};
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub struct Train {
    /// How strongly weights are pulled towards zero [default: as the setting train_lambda]
    #[arg(long, value_name = "NUMBER", value_parser = positive)]
    lambda: Option<f64>,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Train {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let backend = Backend::open(&settings, Tenure::Guest).await?;
        let trained = self.train(&backend, settings.training()).await;
        backend.close().await;
        trained
    }

    async fn train(&self, backend: &Backend, usual: Training) -> anyhow::Result<ExitCode> {
        let lambda = self.lambda.unwrap_or(usual.lambda);
        // Whoever asks means it, however few there are.
        let training = Training { lambda, people_min: 1, ..usual };
        let (outcome, fit, said) = match train(&backend.log().await?, training).await? {
            Trained::Busy => ("busy", None, "somebody else is fitting"),
            Trained::Nothing(why) => ("nothing", None, why),
            Trained::Serves(fit) => {
                ("serves", Some(fit), "it is what is recommended by from now on")
            }
            Trained::Rejected(fit) => {
                ("rejected", Some(fit), "it does clearly worse than the one that goes on serving")
            }
            Trained::Known(fit) => {
                ("known", Some(fit), "it knows no more than the one that serves")
            }
        };
        if self.json {
            println!("{}", json!({ "outcome": outcome, "fit": fit, "detail": said }));
        } else {
            if let Some(fit) = &fit {
                println!("{}", described(fit));
            }
            println!("{outcome}: {said}");
        }
        let refused = matches!(outcome, "busy" | "nothing" | "rejected");
        Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// A fit in a line.
pub fn described(fit: &Fit) -> String {
    let Fit { items, people, position, lambda, seconds, .. } = fit;
    let measured = fit.metrics.map_or_else(
        || "too few people to measure it on".to_owned(),
        |metrics| {
            let (people, hits) = (metrics.people, metrics.hit_rate * 100.0);
            format!("{hits:.1} % of {people} left out found their newest liking")
        },
    );
    format!(
        "model {}: {items} items, {people} people, up to position {position}, lambda {lambda}, \
         {seconds} s; {measured}",
        &fit.model_hash[..12],
    )
}
