//! From sending a question to the first word of its answer, quoted from a course of forty lessons.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use uuid::Uuid;

use super::{Stage, within};
use crate::Report;
use crate::http::{Ask, Connection};
use crate::query::shelves::WORDS;

const LESSONS: usize = 40;
const CHAPTERS: usize = 6;
const SENTENCES: usize = 8;
const FIRST_WORD_P99_MS: f64 = 800.0;

const MATERIALS: [&str; 20] = [
    "amber", "basalt", "cedar", "cork", "flax", "glass", "granite", "hemp", "ivory", "jade",
    "linen", "marble", "oak", "paper", "quartz", "resin", "slate", "tin", "velvet", "wax",
];
const DEEDS: [&str; 12] = [
    "carries", "cools", "covers", "feeds", "guards", "lifts", "marks", "moves", "opens", "repairs",
    "turns", "warms",
];

pub async fn measure(stage: &Stage<'_>) -> anyhow::Result<Report> {
    let mut dice = StdRng::seed_from_u64(3);
    let (lessons, questions): (Vec<_>, Vec<_>) =
        (1..=LESSONS).map(|number| lesson(number, &mut dice)).unzip();
    let questions = questions.concat();
    let course = stage.teacher.course("Materials and their uses", &lessons).await?;
    let mut asker = Asker::enrolled(stage, course).await?;
    stage.system.at_rest().await?;
    asker.first_word_ms(&questions[0]).await?;

    let (mut rounds, mut next) = (Vec::new(), questions.iter().cycle().skip(1).step_by(7));
    for _ in 0..stage.options.rounds {
        let (begun, mut took) = (Instant::now(), Vec::new());
        while took.is_empty() || begun.elapsed() < stage.options.round {
            took.push(asker.first_word_ms(next.next().context("no question")?).await?);
        }
        rounds.push(took);
    }
    let words: usize = lessons.iter().map(|(_, text)| text.split_whitespace().count()).sum();
    let settings = format!("answer, a course of {LESSONS} lessons, one question after the other");
    let mut report = stage.report_of(settings, rounds);
    report.goals = vec![within("p99, ms", FIRST_WORD_P99_MS, &report)];
    report.notes = vec![
        format!("{words} words; from sending a question to the first token of its stream"),
        format!("quoted, no language model; {}", stage.system.meaning().await?),
    ];
    Ok(report)
}

/// Title and text of a lesson, and what can be asked about it.
fn lesson(number: usize, dice: &mut StdRng) -> ((String, String), Vec<String>) {
    let (mut text, mut questions) = (String::new(), Vec::new());
    for chapter in 1..=CHAPTERS {
        text += &format!("# Chapter {chapter}\n\n");
        for _ in 0..SENTENCES {
            let mut of = |words: &[&'static str]| words[dice.random_range(0..words.len())];
            let (material, deed, tool) = (of(&MATERIALS), of(&DEEDS), of(&WORDS));
            let (place, reason) = (of(&WORDS), of(&MATERIALS));
            text += &format!(
                "In the {place} a piece of {material} {deed} the {tool}, because {reason} would \
                 not last there. "
            );
            questions.push(format!("What {deed} the {tool} in the {place}?"));
        }
        text += "\n\n";
    }
    ((format!("Lesson {number}"), text), questions)
}

/// Somebody who takes the course.
struct Asker {
    connection: Connection,
    http: reqwest::Client,
    address: String,
    token: Arc<str>,
    path: String,
}

impl Asker {
    async fn enrolled(stage: &Stage<'_>, course: Uuid) -> anyhow::Result<Self> {
        let (address, token) = (stage.system.site.address.clone(), stage.readers[0].clone());
        let mut connection = Connection::open(&address).await?;
        let path = format!("courses/{course}/enrollment");
        let ask = Ask { method: "PUT", path: &path, token: &token, headers: "", body: "{}" };
        connection.ask(ask).await?.accepted()?;
        stage.system.catch_up().await?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { connection, http, address, token, path: format!("courses/{course}/questions") })
    }

    async fn first_word_ms(&mut self, question: &str) -> anyhow::Result<f64> {
        let body = json!({ "question": question }).to_string();
        let token = &*self.token;
        let asked = Instant::now();
        let ask = Ask { method: "POST", path: &self.path, token, headers: "", body: &body };
        let answer = self.connection.ask(ask).await?.accepted()?;
        let position = answer.number("consistency-token").context("no consistency-token")?;
        let place = answer.header("location").context("no location")?;
        let stream = self
            .http
            .get(format!("http://{}{place}", self.address))
            .bearer_auth(token)
            .header("accept", "text/event-stream")
            .header("consistency-token", position)
            .header("prefer", "wait=5");
        let mut stream = stream.send().await?.error_for_status()?;
        let mut heard = Vec::new();
        while let Some(chunk) = stream.chunk().await? {
            heard.extend_from_slice(&chunk);
            let text = String::from_utf8_lossy(&heard);
            if text.contains("event: token") || text.contains("event:token") {
                let took = asked.elapsed().as_secs_f64() * 1000.0;
                ensure!(!text.contains("Nothing in this course"), "{question} has no answer");
                return Ok(took);
            }
        }
        anyhow::bail!("the stream ended without a word: {}", String::from_utf8_lossy(&heard))
    }
}
