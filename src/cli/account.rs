//! `daybook account`: how the first operator comes to be, and how anybody gets or loses a role.

use std::io::Read;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::Context as _;
use command_api::account::{self, Registration};
use command_api::{Password, Passwords};
use domain::{AccountId, Email, Name, Role};
use eventstore::Log;
use serde_json::{Value, json};
use uuid::Uuid;

use super::by_machine;
use crate::backend::{Backend, Tenure};
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub struct Account {
    #[command(subcommand)]
    action: Action,

    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Register an account, give it a role and print its id
    Create(Create),
    /// Give an account a role, or take one away
    Role(ChangeRole),
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

#[derive(Debug, clap::Args)]
struct ChangeRole {
    /// Its e-mail address or its id
    #[arg(value_name = "EMAIL|ID")]
    account: Holder,

    #[arg(value_name = "grant|revoke")]
    change: Change,

    /// analyst, instructor, merchandiser, auditor or operator
    role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Change {
    Grant,
    Revoke,
}

/// How an account is named on the command line.
#[derive(Debug, Clone)]
pub enum Holder {
    Id(AccountId),
    Email(Email),
}

impl FromStr for Holder {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        text.parse().map(Self::Email).map_err(|_| "this is neither an e-mail address nor an id")
    }
}

impl Account {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let (said, data) = match self.action {
            Action::Create(create) => {
                let (password, role) = (read_password()?, create.role);
                let backend = Backend::open(&settings, Tenure::Guest).await?;
                let created = create.run(&backend, &password).await;
                backend.close().await;
                let account = created?;
                (account.to_string(), json!({ "id": account, "role": role }))
            }
            Action::Role(change) => {
                let backend = Backend::open(&settings, Tenure::Guest).await?;
                let changed = change.run(&backend).await;
                backend.close().await;
                changed?
            }
        };
        match self.json {
            true => println!("{data}"),
            false => println!("{said}"),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn read_password() -> anyhow::Result<String> {
    let mut password = String::new();
    std::io::stdin().read_to_string(&mut password).context("the password cannot be read")?;
    Ok(password.trim_end_matches(['\r', '\n']).to_owned())
}

impl ChangeRole {
    /// What came of it, in words and for programs.
    async fn run(self, backend: &Backend) -> anyhow::Result<(String, Value)> {
        let Self { account, change, role } = self;
        let log = backend.log().await?;
        let account = account.find(&log).await?;
        let receipt = match change {
            Change::Grant => account::grant_role(&log, &by_machine(), account, role).await,
            Change::Revoke => account::revoke_role(&log, &by_machine(), account, role).await,
        };
        let receipt = receipt.map_err(|problem| anyhow::anyhow!("{}", problem.detail()))?;
        let said = match (change, receipt.unchanged) {
            (Change::Grant, false) => format!("{account} is {role} now."),
            (Change::Grant, true) => format!("{account} was {role} already."),
            (Change::Revoke, false) => format!("{account} is no longer {role}."),
            (Change::Revoke, true) => format!("{account} was not {role}."),
        };
        let (held, changed) = (change == Change::Grant, !receipt.unchanged);
        Ok((said, json!({ "id": account, "role": role, "held": held, "changed": changed })))
    }
}

impl Holder {
    pub async fn find(self, log: &Log) -> anyhow::Result<AccountId> {
        match self {
            Self::Id(id) => Ok(id),
            Self::Email(email) => {
                let holder = log.holder("email", &email.lookup(), true).await?;
                let holder = holder.with_context(|| format!("nobody has the address {email}"))?;
                Ok(holder.parse()?)
            }
        }
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
        account::create(&log, &Passwords::default(), &by_machine(), registration, password).await?;
        if self.role != Role::Member {
            account::grant_role(&log, &by_machine(), account, self.role).await?;
        }
        Ok(account)
    }
}
