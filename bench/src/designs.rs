//! What the first designs promised, on one running system: a crowd is served without an error; at a
//! steady 100 requests a second enrolling, the weekly list and recommendations by rules take so long
//! at most; a letter is at the mail server, and an answer begins, so soon after.

mod answer;
mod crowd;
mod mail;
mod pace;
mod shelves;
mod teacher;

use std::sync::Arc;

use crate::raters::{Raters, Then};
use crate::system::System;
use crate::{Goal, Latency, Options, Report, Round, Server};
use mail::Office;
use pace::{PER_SECOND, Question, paced};
use shelves::Shelves;
use teacher::Teacher;

/// Readers, each with an account.
const READERS: usize = 64;
/// Ratings given beside what is only read, so that no answer is an old one.
const WRITES_PER_SECOND: f64 = 10.0;
const ENROLL_P99_MS: f64 = 50.0;
const WEEKLY_P99_MS: f64 = 5.0;
const RULES_P99_MS: f64 = 100.0;

/// Where everything is measured.
struct Stage<'a> {
    options: &'a Options,
    server: &'a Server,
    system: &'a System,
    readers: Vec<Arc<str>>,
    teacher: Teacher,
}

pub async fn run(options: &Options) -> anyhow::Result<Vec<Report>> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let server = Server::start(options).await?;
    let office = Office::open().await?;
    // Nothing is fitted: rules recommend.
    let settings = [
        ("DAYBOOK_TRAIN_AFTER", "0"),
        ("DAYBOOK_SMTP_URL", office.url.as_str()),
        ("DAYBOOK_MAIL_FROM", "Daybook <no-reply@daybook.example>"),
    ];
    let system = System::up_with(options, server.database("daybook").await?, &settings).await?;
    let readers = Raters::tokens(&system.site, READERS).await?;
    let teacher = Teacher::of(&system).await?;
    let stage = Stage { options, server: &server, system: &system, readers, teacher };
    let mut reports = Vec::new();
    if ["weekly list", "rules"].iter().any(|name| options.is_wanted(name)) {
        let shelves = Shelves::filled(&stage).await?;
        reports.extend(stage.lists(&shelves).await?);
    }
    if options.is_wanted("enroll") {
        reports.push(stage.enroll().await?);
    }
    if options.is_wanted("mail") {
        reports.push(mail::measure(&stage, &office).await?);
    }
    if options.is_wanted("answer") {
        reports.push(answer::measure(&stage).await?);
    }
    if options.is_wanted("crowd") {
        reports.push(crowd::measure(&stage).await?);
    }
    drop(stage);
    system.stop().await?;
    Ok(reports)
}

impl Stage<'_> {
    async fn enroll(&self) -> anyhow::Result<Report> {
        let rounds = self.options.rounds as f64 + 1.0;
        let wanted = rounds * self.options.round.as_secs_f64() * PER_SECOND;
        let courses = self.teacher.small_courses(wanted as usize / READERS + 1).await?;
        let readers = self.readers.clone();
        let question = move |number: usize| {
            let course = courses[number / READERS % courses.len()];
            let (token, path) = (readers[number % READERS].clone(), format!("courses/{course}"));
            Question { method: "PUT", path: format!("{path}/enrollment"), token, body: "{}" }
        };
        let took = self.at_a_steady_pace(question, false).await?;
        let mut report = self.report("enroll", took);
        report.goals = vec![within("p99, ms", ENROLL_P99_MS, &report)];
        Ok(report)
    }

    /// What is only read.
    async fn lists(&self, shelves: &Shelves) -> anyhow::Result<Vec<Report>> {
        let mut reports = Vec::new();
        for (name, path, goal) in [
            ("weekly list", "lists/weekly?kind=book&limit=50", WEEKLY_P99_MS),
            ("rules", "recommendations?kind=book&limit=10", RULES_P99_MS),
        ] {
            if !self.options.is_wanted(name) {
                continue;
            }
            let readers = self.readers.clone();
            let question = move |number: usize| {
                let token = readers[number % READERS].clone();
                Question { method: "GET", path: path.to_owned(), token, body: "" }
            };
            let took = self.at_a_steady_pace(question, true).await?;
            let mut report = self.report(name, took);
            report.goals = vec![within("p99, ms", goal, &report)];
            let beside = format!("signed in, {WRITES_PER_SECOND:.0} ratings/s given beside");
            report.notes.extend([shelves.told(), beside, shelves.sources(self, path).await?]);
            reports.push(report);
        }
        Ok(reports)
    }

    /// Milliseconds of each answer, round by round; a first round warms up.
    async fn at_a_steady_pace(
        &self,
        question: impl Fn(usize) -> Question + Send + Sync + 'static,
        with_writes: bool,
    ) -> anyhow::Result<Vec<Vec<f64>>> {
        let (site, round) = (&self.system.site, self.options.round);
        let mut raters = Raters::new(site.clone(), &self.readers).await?;
        self.system.at_rest().await?;
        let question = Arc::new(question);
        let (mut rounds, mut asked) = (Vec::new(), 0);
        for _ in 0..=self.options.rounds {
            let work = paced(&site.address, round, asked, Arc::clone(&question));
            let took = match with_writes {
                true => {
                    let writes = raters.rate_at(WRITES_PER_SECOND, round, Then::Nothing);
                    tokio::try_join!(work, writes)?.0
                }
                false => work.await?,
            };
            asked += took.len();
            rounds.push(took);
        }
        Ok(rounds.split_off(1))
    }

    fn report(&self, name: &str, took: Vec<Vec<f64>>) -> Report {
        let settings = format!("{name}, {PER_SECOND:.0} requests/s");
        self.report_of(settings, took)
    }

    fn report_of(&self, settings: String, took: Vec<Vec<f64>>) -> Report {
        let of_round = |took: &Vec<f64>| {
            let ours = Latency::of(took.clone())?.p50;
            Some(Round { ours, ..Round::default() })
        };
        let rounds = took.iter().filter_map(of_round).collect();
        let machine = self.server.machine();
        let mut report = Report::of("designs", settings, "ms (p50)", machine, rounds);
        report.latency_ms = Latency::of(took.concat());
        report
    }
}

fn within(what: &str, wanted: f64, report: &Report) -> Goal {
    Goal::at_most(what, wanted, report.latency_ms.map_or(f64::NAN, |latency| latency.p99))
}
