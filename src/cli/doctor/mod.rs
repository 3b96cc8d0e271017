//! `daybook doctor`: everything that can be wrong, with its cause and what fixes it.

mod checks;

use std::process::ExitCode;

use serde::Serialize;

use crate::backend::{Backend, Tenure};
use crate::providers;
use crate::settings::Settings;

const NO_MAIL: &str = "nobody is written to: smtp_url is not set";
const NO_PAYMENT: &str = "none is needed: orders are confirmed without";
const NO_SMS: &str = "nobody gets any";
const NO_ASSISTANT: &str = "there is no model: answers are quotations";

#[derive(Debug, clap::Args)]
pub struct Doctor {
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Pass,
    Warn,
    Fail,
}

#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'static str>,
}

type Checked = Result<String, (Verdict, String, &'static str)>;

impl Doctor {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let findings = match Backend::open(&settings, Tenure::Guest).await {
            Ok(backend) => {
                let findings = examine(&backend, &settings).await;
                backend.close().await;
                findings
            }
            Err(error) => vec![Finding {
                check: "database",
                verdict: Verdict::Fail,
                detail: format!("{error:#}"),
                fix: Some("start it, or correct DATABASE_URL"),
            }],
        };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&findings)?);
        } else {
            findings.iter().for_each(print);
        }
        let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn print(Finding { check, verdict, detail, fix }: &Finding) {
    let verdict = format!("{verdict:?}").to_lowercase();
    println!("{verdict}  {check}: {detail}");
    if let Some(fix) = fix {
        println!("      fix: {fix}");
    }
}

async fn examine(backend: &Backend, settings: &Settings) -> Vec<Finding> {
    let pool = &backend.pool;
    let mut findings = Vec::new();
    let mut found = |check, checked: Result<Checked, sqlx::Error>| {
        let (verdict, detail, fix) = match checked {
            Ok(Ok(detail)) => (Verdict::Pass, detail, None),
            Ok(Err((verdict, detail, fix))) => (verdict, detail, Some(fix)),
            Err(error) => (Verdict::Fail, error.to_string(), Some("see the database's own log")),
        };
        findings.push(Finding { check, verdict, detail, fix });
    };
    found("database", checks::version(pool).await);
    found("connections", checks::connections(pool).await);
    found("durability", checks::durability(pool).await);
    found("clock", checks::clock(pool).await);
    found("chain", checks::chain(pool).await);
    found("read models", checks::read_models(pool).await);
    found("processes", checks::processes(pool).await);
    found("stock", checks::stock(pool).await);
    found("bus", Ok(checks::bus(backend).await));
    found("files", Ok(checks::files(backend, settings).await));
    found("disk", Ok(checks::disk(backend)));
    found("mail", Ok(checks::mail(settings).await));
    let payment = checks::provider(providers::payment_address(settings), NO_PAYMENT).await;
    found("payment", Ok(payment));
    let sms = checks::provider(providers::sms_address(settings), NO_SMS).await;
    found("sms", Ok(sms));
    let assistant = providers::assistant_address(settings);
    found("assistant", Ok(checks::provider(assistant, NO_ASSISTANT).await));
    found("text model", Ok(checks::text_model(settings)));
    found("vector index", Ok(checks::vectors(backend, settings).await));
    findings
}
