//! `daybook reco eval`: how good the lists would have been.

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use recommender::protocol::Dataset;
use recommender::protocol::holdout::{self, Which};
use recommender::{Metrics, Split};
use serde_json::json;

use super::{contenders, rows};

#[derive(Debug, clap::Args)]
pub struct Eval {
    /// Who liked what: CSV, or tabs, plain or .zst, the first line naming user_id, item_id (or
    /// book_id) and perhaps rating and timestamp (or seq). With `holdout`, a second file is what
    /// was held out
    #[arg(required = true, num_args = 1..=2, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// What is known and what is to be found
    #[arg(long, value_enum)]
    protocol: Protocol,

    #[command(flatten)]
    tuning: Tuning,

    /// Print one JSON object a line instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// Three quarters of each item's rows are known, drawn so that everybody draws the same
    Sar75,
    /// Row after row in order of time: is it in the list of the moment before?
    Prequential,
    /// The end of everybody's rows is held out
    Holdout,
}

/// What can be tuned; never on what is measured in the end.
#[derive(Debug, clap::Args)]
pub struct Tuning {
    /// How strongly EASE pulls weights towards zero
    #[arg(long, default_value_t = 500.0, value_name = "NUMBER", value_parser = positive)]
    pub lambda: f64,

    /// A liking weighs (1 + age)^-POWER, the newest having age 0
    #[arg(long, default_value_t = 1.0, value_name = "POWER", value_parser = not_negative)]
    pub recency: f64,

    /// What item-kNN weighs in the blend, beside 1 for EASE
    #[arg(long, default_value_t = 1.5, value_name = "WEIGHT", value_parser = not_negative)]
    pub blend: f64,

    /// The weights kept towards each item
    #[arg(long, default_value_t = 400, value_name = "N", value_parser = number(20_000))]
    pub strongest: usize,

    /// The best known items that are fitted
    #[arg(long, default_value_t = 12_000, value_name = "N", value_parser = number(50_000))]
    pub items: usize,

    /// The share of everybody's rows that `holdout` takes
    #[arg(long, default_value_t = 0.1, value_name = "SHARE", value_parser = share)]
    share: f64,

    /// Draw what `holdout` takes with this seed, where rows have no time
    #[arg(long, value_name = "SEED")]
    drawn: Option<u32>,

    /// Take the end away once and measure on the end of the rest, as for tuning
    #[arg(long)]
    validate: bool,

    /// Rows that are known before `prequential` begins to ask
    #[arg(long, default_value_t = 50_000, value_name = "N")]
    pub warm_up: usize,

    /// How many threads fit and rank; a model is the same for the same number of them
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = number(64))]
    pub threads: usize,
}

impl Eval {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let holdout = self.protocol == Protocol::Holdout;
        ensure!(holdout || self.files.len() == 1, "only holdout takes what was held out as a file");
        let (mut known, mut named, mut ends) = (HashSet::new(), Vec::new(), Vec::new());
        for file in &self.files {
            named.extend(rows::read(file, &mut known)?);
            ends.push(named.len());
        }
        drop(known);
        ensure!(!named.is_empty(), "there are no rows");
        let data = Dataset::of(&named);
        let pairs = named.len();
        eprintln!("{pairs} rows, {} people, {} items", data.people.len(), data.items.len());
        if !self.json {
            head()?;
        }
        let json = self.json.then(|| self.protocol.to_possible_value()).flatten();
        let said: contenders::Said<'_> = &mut |name, metrics, seconds| match &json {
            Some(protocol) => object(protocol.get_name(), name, metrics, seconds),
            None => line(name, metrics, seconds),
        };
        match self.protocol {
            Protocol::Sar75 => contenders::sar75(&data, &self.tuning, said)?,
            Protocol::Prequential => contenders::prequential(&data, &self.tuning, said)?,
            Protocol::Holdout => {
                contenders::holdout(&self.split(&data, &ends), &self.tuning, said)?
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn split(&self, data: &Dataset, ends: &[usize]) -> Split {
        let which = self.tuning.drawn.map_or(Which::Last, |seed| Which::Drawn { seed });
        let share = self.tuning.share;
        let split = match ends {
            [known, _] => holdout::given(data, *known),
            _ => holdout::split(data, share, which),
        };
        match self.tuning.validate {
            true => holdout::again(&split, share),
            false => split,
        }
    }
}

fn head() -> io::Result<()> {
    writeln!(
        io::stdout(),
        "{:<40} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>8}",
        "",
        "MAP",
        "nDCG@10",
        "P@10",
        "R@10",
        "HR@10",
        "people",
        "seconds"
    )
}

fn line(name: &str, metrics: Metrics, seconds: f64) -> anyhow::Result<()> {
    let Metrics { map, ndcg, precision, recall, hit_rate, people } = metrics;
    writeln!(
        io::stdout(),
        "{name:<40} {map:>7.4} {ndcg:>7.4} {precision:>7.4} {recall:>7.4} {hit_rate:>7.4} \
         {people:>7} {seconds:>8.1}"
    )
    .context("cannot print")
}

fn object(protocol: &str, name: &str, metrics: Metrics, seconds: f64) -> anyhow::Result<()> {
    let object = json!({
        "protocol": protocol,
        "model": name,
        "map": metrics.map,
        "ndcg_at_10": metrics.ndcg,
        "precision_at_10": metrics.precision,
        "recall_at_10": metrics.recall,
        "hit_rate_at_10": metrics.hit_rate,
        "people": metrics.people,
        "seconds": seconds,
    });
    writeln!(io::stdout(), "{object}").context("cannot print")
}

pub fn positive(text: &str) -> Result<f64, String> {
    between(text, f64::MIN_POSITIVE, 1e9).map_err(|()| "a number above 0".to_owned())
}

fn not_negative(text: &str) -> Result<f64, String> {
    between(text, 0.0, 100.0).map_err(|()| "a number from 0 to 100".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    between(text, 0.01, 0.9).map_err(|()| "a share from 0.01 to 0.9".to_owned())
}

fn between(text: &str, least: f64, most: f64) -> Result<f64, ()> {
    text.parse().ok().filter(|number| (least..=most).contains(number)).ok_or(())
}

/// From 1 to `most`.
fn number(most: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text: &str| match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(format!("a number from 1 to {most}")),
    }
}
