//! `daybook reco lists`: fixes today's lists now, rather than within the first minute of a day.

use std::process::ExitCode;

use chrono::Utc;
use processes::{Listed, fix_lists};
use serde_json::json;

use crate::backend::{Backend, Tenure};
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub struct Lists {
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Lists {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let backend = Backend::open(&settings, Tenure::Guest).await?;
        let listed = match backend.log().await {
            Ok(log) => fix_lists(&log, Utc::now()).await.map_err(anyhow::Error::from),
            Err(error) => Err(error),
        };
        backend.close().await;
        let (outcome, of, said) = match listed? {
            Listed::Fixed(day) => ("fixed", Some(day), "they stand for the rest of the day"),
            Listed::Known(day) => ("known", Some(day), "they were fixed before"),
            Listed::Nothing(why) => ("nothing", None, why),
        };
        if self.json {
            println!("{}", json!({ "outcome": outcome, "day": of, "detail": said }));
        } else {
            let day = of.map(|day| format!(" {day}")).unwrap_or_default();
            println!("{outcome}{day}: {said}");
        }
        Ok(if of.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
