//! Ours and the references in turn.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::report::Round;

/// How a benchmark is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long each contender works in each round.
    pub round: Duration,
    pub rounds: usize,
    /// Overrides how many work at once, where a benchmark has such a number.
    pub clients: Option<usize>,
    /// Overrides how long a log is made, where a benchmark needs one.
    pub events: Option<i64>,
    /// Measure only what has this in its name, where a benchmark measures several things.
    pub only: Option<String>,
    /// The `daybook` program, for what is measured from outside.
    pub program: std::path::PathBuf,
    /// The Postgres to work on; none: one started for the run.
    pub database_url: Option<String>,
}

impl Options {
    /// Whether one of several things is to be measured.
    pub fn is_wanted(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only.as_str()))
    }
}

/// Somebody who does the same work.
pub trait Contender {
    /// "daybook" is ours; all others are references.
    fn name(&self) -> &str;
    /// Works for about that long and answers how much was done a second.
    fn work(&mut self, round: Duration) -> impl Future<Output = anyhow::Result<f64>> + Send;
}

/// Lets ours and one reference after the other work, round by round, with a progress bar.
pub async fn alternate<O: Contender, R: Contender>(
    options: &Options,
    ours: &mut O,
    references: &mut [R],
) -> anyhow::Result<Vec<Round>> {
    let turns = options.rounds * (1 + references.len());
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} turns, {msg}, {eta} left")?;
    let bar = ProgressBar::new(turns as u64).with_style(style);
    let mut rounds = Vec::with_capacity(options.rounds);
    for _ in 0..options.rounds {
        let mut round = Round::default();
        bar.set_message(ours.name().to_owned());
        round.ours = ours.work(options.round).await?;
        bar.inc(1);
        for reference in references.iter_mut() {
            bar.set_message(reference.name().to_owned());
            let measured = reference.work(options.round).await?;
            round.references.insert(reference.name().to_owned(), measured);
            bar.inc(1);
        }
        rounds.push(round);
    }
    bar.finish_and_clear();
    Ok(rounds)
}
