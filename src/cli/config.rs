//! `daybook config dump|check`.

use std::process::ExitCode;

use anyhow::anyhow;
use serde_json::Value;

use crate::keys::Keys;
use crate::providers::providers;
use crate::settings::Settings;
use crate::text_model;

#[derive(Debug, clap::Args)]
pub struct Config {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Print every setting with its value, secrets hidden, as a file that --config takes
    Dump {
        #[arg(long)]
        json: bool,
    },
    /// Say whether the settings can be used; exit code 1 if not
    Check,
}

impl Config {
    pub fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::Dump { json: true } => {
                println!("{}", serde_json::to_string_pretty(&settings)?);
            }
            Action::Dump { json: false } => {
                let Value::Object(all) = serde_json::to_value(&settings)? else {
                    anyhow::bail!("settings are a table")
                };
                for (key, value) in all {
                    match value {
                        Value::Null => println!("# {key} ="),
                        Value::String(text) if text == "***" => println!("# {key} = (secret)"),
                        value => println!("{key} = {value}"),
                    }
                }
            }
            Action::Check => {
                let keys = Keys::configured(&settings)?;
                let blobs = crate::blobs::open(&settings, &settings.data_dir)?;
                providers(&settings, blobs)?;
                text_model::found(&settings)
                    .map_err(|why| anyhow!("the setting text_model: {why}"))?;
                let keys = if keys.is_some() { "configured" } else { "of the data directory" };
                println!("The settings can be used. Keys: {keys}.");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
