//! `daybook send-test-email`: whether mail goes out with the settings as they are.

use std::process::ExitCode;

use anyhow::Context;
use processes::Letter;

use crate::providers;
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub struct SendTestEmail {
    /// Where to
    to: String,
}

impl SendTestEmail {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let mailer = providers::mailer(&settings)?
            .context("no mail goes out: set DAYBOOK_SMTP_URL and DAYBOOK_MAIL_FROM")?;
        let to = self.to.parse().with_context(|| format!("{} is no e-mail address", self.to))?;
        let letter = Letter {
            to,
            subject: "A test of Daybook's mail".to_owned(),
            text: "This is a test. Whoever reads it knows that mail goes out.\n".to_owned(),
            id: format!("test.{}", uuid::Uuid::now_v7()),
        };
        mailer.send(letter).await.context("the mail server did not take it")?;
        println!("The mail server has taken it for {}.", self.to);
        Ok(ExitCode::SUCCESS)
    }
}
