//! `daybook reco explain`: what somebody is recommended, and what each item's score is made of.

use std::process::ExitCode;

use anyhow::bail;
use domain::ItemKind;
use domain::account::Account;
use query_api::{Explained, explain};

use crate::backend::{Backend, Tenure};
use crate::cli::account::Holder;
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub struct Explain {
    /// Who: an e-mail address or an id
    #[arg(long, value_name = "EMAIL|ID")]
    account: Holder,

    /// book, course or product [default: all three]
    #[arg(long, value_parser = kind)]
    kind: Option<ItemKind>,

    /// How many, at most 50
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=50))]
    limit: u8,

    /// Print what GET /recommendations answers
    #[arg(long)]
    json: bool,
}

fn kind(text: &str) -> Result<ItemKind, &'static str> {
    ItemKind::from_name(text).ok_or("this is no book, course or product")
}

impl Explain {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let json = self.json;
        let backend = Backend::open(&settings, Tenure::Guest).await?;
        let explained = self.explained(&backend).await;
        backend.close().await;
        let explained = explained?;
        if json {
            println!("{}", serde_json::to_string(&explained.recommendations)?);
        } else {
            print!("{}", told(&explained));
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn explained(self, backend: &Backend) -> anyhow::Result<Explained> {
        let log = backend.log().await?;
        let account = self.account.find(&log).await?;
        if log.load::<Account>(account).await?.is_new() {
            bail!("there is no account {account}");
        }
        let explained = explain(&backend.pool, account, self.kind, self.limit.into()).await;
        explained.map_err(|problem| anyhow::anyhow!("{}", problem.detail()))
    }
}

/// Each item with its rung, and below it the shares that add up to its score.
fn told(Explained { recommendations, titles }: &Explained) -> String {
    let mut told = String::new();
    for (place, recommended) in (1..).zip(&recommendations.items) {
        let (item, source) = (&recommended.item, recommended.source);
        let (score, version) = (recommended.score, &recommended.model_version);
        told += &format!("{place}. {} ({})\n", item.title, item.item);
        told += &format!("   {score:.4} by {source} ({version})\n");
        for reason in &recommended.reasons {
            let because = &reason.because;
            let title = titles.get(because).map(|title| format!(" {title}")).unwrap_or_default();
            told += &format!("   {:>+10.4} {because}{title}\n", reason.share);
        }
    }
    if told.is_empty() {
        told += "Nothing: all there is is known, dismissed or not to be had.\n";
    }
    told
}
