//! `daybook account create`: how the first operator comes to be.

use std::io::Read;
use std::process::ExitCode;

use anyhow::Context as _;
use command_api::account::{self, Registration};
use command_api::{Password, Passwords};
use domain::{AccountId, Email, Name, Role};
use eventstore::Context;
use uuid::Uuid;

use crate::backend::{Backend, Tenure};
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub struct Account {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Register an account, give it a role and print its id
    Create(Create),
}

#[derive(Debug, clap::Args)]
struct Create {
    #[arg(long)]
    email: String,

    /// member, analyst, instructor, merchandiser, auditor or operator
    #[arg(long, default_value = "member")]
    role: Role,

    /// How others see the account [default: the e-mail up to the @]
    #[arg(long)]
    display_name: Option<String>,

    /// Read the password from standard input (a password on the command line is seen by all)
    #[arg(long, required = true)]
    password_stdin: bool,
}

impl Account {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let Action::Create(create) = self.action;
        let mut password = String::new();
        std::io::stdin().read_to_string(&mut password).context("the password cannot be read")?;
        let backend = Backend::open(&settings, Tenure::Guest).await?;
        let created = create.run(&backend, password.trim_end_matches(['\r', '\n'])).await;
        backend.close().await;
        println!("{}", created?);
        Ok(ExitCode::SUCCESS)
    }
}

impl Create {
    async fn run(self, backend: &Backend, password: &str) -> anyhow::Result<AccountId> {
        let email: Email = self.email.parse()?;
        let local_part = self.email.split('@').next().unwrap_or_default().to_owned();
        let display_name: Name = self.display_name.unwrap_or(local_part).parse()?;
        let password: Password = password.parse()?;
        let log = backend.log().await?;
        let account = AccountId::new(Uuid::now_v7());
        let registration = Registration { account, email, display_name };
        account::create(&log, &Passwords::default(), &context(), registration, password).await?;
        if self.role != Role::Member {
            account::grant_role(&log, &context(), account, self.role).await?;
        }
        Ok(account)
    }
}

/// Whoever has the machine has the right; the log says that it was used.
fn context() -> Context {
    Context::system("machine", Uuid::now_v7().to_string(), service_kit::clock::now())
}
