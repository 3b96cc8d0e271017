//! `daybook demo`: a small world to look at, made with the same commands as everything else.
//!
//! Books, courses and products are files of this project (`data`); readers are simulated with a
//! fixed seed (`readers.rs`). Command ids are fixed too, so a second run changes nothing.

mod catalogue;
mod dice;
mod files;
mod readers;
mod tour;

use std::process::ExitCode;

use anyhow::Context as _;
use blobstore::Blobs;
use chrono::{TimeDelta, Utc};
use command_api::{
    Password, Passwords,
    account::{self, Registration},
};
use domain::{AccountId, Role};
use eventstore::{Context, Log};

use super::import::{
    engine,
    fulfilment::Fulfilment,
    report::Report,
    source::Source,
    work::{Plan, Stage, Work},
};
use crate::{
    backend::{Backend, Tenure},
    providers::providers,
    settings::Settings,
};
use catalogue::Catalogue;
use readers::{Deeds, Story};
pub use tour::DemoSummary;

/// Everybody's, and printed: this is a world without secrets.
const PASSWORD: &str = "daybook-demo";
const CONCURRENCY: usize = 64;

/// Fill the log with sample data
#[derive(Debug, clap::Args)]
pub struct Demo {}

/// Somebody a visitor can log in as.
struct Part {
    name: &'static str,
    display_name: &'static str,
    role: Option<Role>,
}

const MEMBER: Part = Part { name: "member", display_name: "Mina Lund", role: None };
const INSTRUCTOR: Part =
    Part { name: "instructor", display_name: "Ines Prado", role: Some(Role::Instructor) };
const PARTS: [Part; 5] = [
    MEMBER,
    Part { name: "analyst", display_name: "Anselm Berg", role: Some(Role::Analyst) },
    Part { name: "auditor", display_name: "Audrey Falk", role: Some(Role::Auditor) },
    Part { name: "merchandiser", display_name: "Merle Okoye", role: Some(Role::Merchandiser) },
    INSTRUCTOR,
];

impl Part {
    fn email(&self) -> String {
        format!("{}@daybook.example", self.name)
    }

    fn account(&self, source: &Source) -> AccountId {
        source.account(self.name)
    }
}

impl Demo {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let backend = Backend::open(&settings, Tenure::Guest).await?;
        let summary = fulfilled(&backend, &settings).await;
        backend.close().await;
        let summary = summary?;
        println!("{summary}");
        println!("When `daybook up` runs:\n");
        println!("{}", summary.tour(&format!("http://{}", settings.listen)));
        Ok(ExitCode::SUCCESS)
    }
}

async fn fulfilled(backend: &Backend, settings: &Settings) -> anyhow::Result<DemoSummary> {
    let log = backend.log().await?;
    let blobs = crate::blobs::open(settings, &backend.data_dir)?;
    let providers = providers(settings, blobs.clone())?;
    let fulfilment = Fulfilment::start(log.clone(), providers);
    let summary = run(&log, &blobs).await?;
    fulfilment.finish(true).await?;
    Ok(summary)
}

/// Makes the demo's world, or what is missing of it.
pub async fn run(log: &Log, blobs: &Blobs) -> anyhow::Result<DemoSummary> {
    let source = Source::new("demo")?;
    let catalogue = Catalogue::read(&source)?;
    let now = Utc::now();
    let beginning = now - TimeDelta::days(readers::DAYS + 1);
    people(log, &source).await?;
    let member = MEMBER.account(&source);
    let Deeds { accounts, opinions, learning, shopping, loans } =
        Story::new(&catalogue, &source, member, now).tell()?;
    let instructor = INSTRUCTOR.account(&source);
    let stages = vec![
        stage("catalogue", catalogue.works(instructor, beginning)),
        stage("readers", accounts),
        stage("opinions", opinions),
        stage("learning", learning),
        stage("shopping", shopping),
        stage("loans", loans),
    ];
    let report = Report::new(source.name(), &[], false);
    let tour_book = catalogue.book("moby-dick")?.id;
    let files = Source::new("demo")?;
    let plan = Plan { source, files: Vec::new(), stages, places_orders: false };
    let report = engine::run(Some(log.clone()), plan, CONCURRENCY, true, report).await?;
    if let Some(failure) = &report.failure {
        anyhow::bail!("the demo data are not complete: {failure}");
    }
    files::attach_all(log, blobs, &catalogue, (&files, instructor, beginning)).await?;
    Ok(DemoSummary::new(&report, PARTS.iter().map(|part| (part.name, part.email())), tour_book))
}

/// Those a visitor can log in as, with their passwords.
async fn people(log: &Log, source: &Source) -> anyhow::Result<()> {
    let passwords = Passwords::default();
    let at = Utc::now() - TimeDelta::days(readers::DAYS + 2);
    for part in PARTS {
        let account = part.account(source);
        let context =
            |key: String| Context::system(&source.caller(), key, at).with("source", "import");
        let registration = Registration {
            account,
            email: part.email().parse()?,
            display_name: part.display_name.parse()?,
        };
        let password = Password::try_from(PASSWORD.to_owned())?;
        let create = context(format!("account:{}", part.name));
        account::create(log, &passwords, &create, registration, password)
            .await
            .with_context(|| format!("the account {} cannot be made", part.email()))?;
        if let Some(role) = part.role {
            let grant = context(format!("role:{}", part.name));
            account::grant_role(log, &grant, account, role).await?;
        }
    }
    Ok(())
}

fn stage(name: &'static str, works: Vec<Work>) -> Stage {
    Stage {
        name,
        total: works.len() as u64,
        produce: Box::new(move |emit| works.into_iter().try_for_each(emit)),
    }
}
