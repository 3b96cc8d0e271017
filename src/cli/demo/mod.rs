//! `daybook demo`: a small world to look at, made with the same commands as everything else.
//!
//! Books, courses and products are files of this project (`data`); readers are simulated with a
//! fixed seed (`readers.rs`). Command ids are fixed too, so a second run changes nothing.

mod catalogue;
mod changes;
mod dice;
mod files;
mod known;
mod likings;
mod questions;
mod readers;
mod talk;
mod tour;
mod trade;

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use anyhow::Context as _;
use blobstore::Blobs;
use chrono::{DateTime, TimeDelta, Utc};
use command_api::{
    Password, Passwords,
    account::{self, Registration},
};
use domain::{AccountId, Role};
use eventstore::{Context, Feed, Log};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::import::{
    engine,
    fulfilment::{Fulfilment, position},
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
use changes::Changes;
use known::Known;
use readers::{Deeds, Story};
pub use tour::DemoSummary;

/// Everybody's, and printed: this is a world without secrets.
const PASSWORD: &str = "daybook-demo";
const CONCURRENCY: usize = 64;
/// How long to wait for the processes: what builds on theirs is left for the next run.
const PROCESSES_WAIT_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

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
    // Questions are answered by what the read models say.
    let (pool, reader, filled) =
        (log.pool().clone(), log.reader().clone(), CancellationToken::new());
    let feed = Feed::new(reader.clone(), None);
    let filling = tokio::spawn(projections::run(pool, reader, feed, filled.clone()));
    let summary = run(&log, &blobs).await?;
    fulfilment.finish(true).await?;
    filled.cancel();
    filling.await.context("the projections ended badly")?;
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
    let deeds = Story::new(&catalogue, &source, member, now).tell()?;
    let instructor = INSTRUCTOR.account(&source);
    let mut known = Known::of(&deeds, member, [beginning, now]);
    let likings = likings::tell(&mut known, &deeds)?;
    let talk = talk::tell(&catalogue, &source, &known)?;
    let deliveries = trade::deliveries(&deeds, &catalogue, now)?;
    let Deeds { accounts, opinions, learning, shopping, loans } = deeds;
    let mut stages = vec![
        stage("catalogue", catalogue.works(instructor, beginning)),
        stage("readers", accounts),
    ];
    let carts = trade::carts(&catalogue, &source, now)?;
    let former = changes::former_students(&catalogue, &source, now)?;
    let story = [opinions, learning, shopping, loans, talk.comments, likings, former, carts];
    stages.extend(day_by_day(beginning, story.into_iter().flatten(), talk.likes));
    let report = Report::new(source.name(), &[], false);
    let report = carried_out(log, &source, stages, report).await?;
    files::attach_all(log, blobs, &catalogue, (&source, instructor, beginning)).await?;
    let asked = questions::pose(log, (&source, &catalogue), &known, member).await?;
    let by_hand = Changes { log, source: &source, catalogue: &catalogue, instructor, now };
    by_hand.make().await?;
    // Only what is confirmed can be shipped, and only an answer that is there can be rated.
    caught_up(log, "fulfilment").await?;
    let report = carried_out(log, &source, vec![stage("deliveries", deliveries)], report).await?;
    caught_up(log, "assistant").await?;
    asked.rate(log, &source, now).await?;
    let tour_book = catalogue.book("moby-dick")?.id;
    Ok(DemoSummary::new(&report, PARTS.iter().map(|part| (part.name, part.email())), tour_book))
}

/// A stage for each day, because lists of the newest go by the order of the log. What answers to a
/// work of somebody else, such as a like of a comment, comes at the end of its day.
fn day_by_day(
    beginning: DateTime<Utc>,
    works: impl Iterator<Item = Work>,
    answers: Vec<Work>,
) -> impl Iterator<Item = Stage> {
    let at = move |work: &Work| match work {
        Work::Send(task) => task.at,
        _ => beginning,
    };
    let mut days: BTreeMap<(i64, bool), Vec<Work>> = BTreeMap::new();
    let answers = answers.into_iter().map(|work| (work, true));
    for (work, is_answer) in works.map(|work| (work, false)).chain(answers) {
        days.entry(((at(&work) - beginning).num_days(), is_answer)).or_default().push(work);
    }
    days.into_values().map(move |mut works| {
        works.sort_by_key(at);
        stage("days", works)
    })
}

async fn carried_out(
    log: &Log,
    source: &Source,
    stages: Vec<Stage>,
    report: Report,
) -> anyhow::Result<Report> {
    let plan = Plan { source: source.clone(), files: Vec::new(), stages, places_orders: false };
    let report = engine::run(Some(log.clone()), plan, CONCURRENCY, true, report).await?;
    match &report.failure {
        Some(failure) => anyhow::bail!("the demo data are not complete: {failure}"),
        None => Ok(report),
    }
}

/// Waits until that process has done what follows from the log as it is now.
async fn caught_up(log: &Log, process: &str) -> anyhow::Result<()> {
    let target = log.reader().head().await?;
    let started = Instant::now();
    while position(log, process).await? < target {
        if started.elapsed() > PROCESSES_WAIT_MAX {
            anyhow::bail!("the process {process} is not done: run this again when it is");
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
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
