//! `daybook reco eval`: how good the lists would have been.

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use recommender::protocol::Dataset;
use recommender::protocol::holdout::{self, Which};
use recommender::{Metrics, Split, recipe};
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

/// What can be tuned; never on what is measured in the end. Unless told, all is as it is served.
#[derive(Debug, clap::Args)]
pub struct Tuning {
    /// How strongly EASE pulls weights towards zero [default: 200, as it is served]
    #[arg(long, value_name = "NUMBER", value_parser = positive)]
    lambda: Option<f64>,

    /// A liking weighs (1 + age)^-POWER, the newest having age 0; not in sar75 [default: 1]
    #[arg(long, value_name = "POWER", value_parser = not_negative)]
    recency: Option<f64>,

    /// What item-kNN weighs in the blend of holdout, beside 1 for EASE [default: 1.5]
    #[arg(long, value_name = "WEIGHT", value_parser = not_negative)]
    blend: Option<f64>,

    /// The weights kept towards each item; not in prequential [default: 400]
    #[arg(long, value_name = "N", value_parser = number(20_000))]
    strongest: Option<usize>,

    /// The best known items that are fitted by holdout [default: 12000]
    #[arg(long, value_name = "N", value_parser = number(50_000))]
    items: Option<usize>,

    /// The share of everybody's rows that holdout takes [default: 0.1]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    share: Option<f64>,

    /// Draw what holdout takes with this seed, where rows have no time
    #[arg(long, value_name = "SEED")]
    drawn: Option<u32>,

    /// Take the end away once and measure holdout on the end of the rest, as for tuning
    #[arg(long)]
    validate: bool,

    /// Rows that are known before prequential begins to ask [default: 50000]
    #[arg(long, value_name = "N")]
    warm_up: Option<usize>,

    /// How many threads fit and rank; a model is the same for the same number of them [default: 2]
    #[arg(long, value_name = "N", value_parser = number(64))]
    threads: Option<usize>,
}

impl Tuning {
    pub fn lambda(&self) -> f64 {
        self.lambda.unwrap_or(recipe::LAMBDA)
    }

    pub fn recency(&self) -> f64 {
        self.recency.unwrap_or(recipe::RECENCY)
    }

    pub fn blend(&self) -> f64 {
        self.blend.unwrap_or(recipe::NEIGHBOURS_WEIGHT)
    }

    pub fn strongest(&self) -> usize {
        self.strongest.unwrap_or(recipe::STRONGEST)
    }

    pub fn items(&self) -> usize {
        self.items.unwrap_or(recipe::ITEMS_MAX)
    }

    pub fn warm_up(&self) -> usize {
        self.warm_up.unwrap_or(50_000)
    }

    pub fn threads(&self) -> usize {
        self.threads.unwrap_or(2)
    }

    fn share(&self) -> f64 {
        self.share.unwrap_or(0.1)
    }

    /// What was told, and whether it changes anything in the protocol.
    fn told(&self, protocol: Protocol, is_split: bool) -> [(&'static str, bool, bool); 8] {
        let (holdout, sar75) = (protocol == Protocol::Holdout, protocol == Protocol::Sar75);
        let prequential = protocol == Protocol::Prequential;
        [
            ("--recency", self.recency.is_some(), !sar75),
            ("--blend", self.blend.is_some(), holdout),
            ("--strongest", self.strongest.is_some(), !prequential),
            ("--items", self.items.is_some(), holdout),
            ("--share", self.share.is_some(), holdout && (!is_split || self.validate)),
            ("--drawn", self.drawn.is_some(), holdout && !is_split),
            ("--validate", self.validate, holdout),
            ("--warm-up", self.warm_up.is_some(), prequential),
        ]
    }
}

impl Eval {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let holdout = self.protocol == Protocol::Holdout;
        ensure!(holdout || self.files.len() == 1, "only holdout takes what was held out as a file");
        for (flag, is_told, counts) in self.tuning.told(self.protocol, self.files.len() == 2) {
            ensure!(counts || !is_told, "{flag} changes nothing here: it is of another protocol");
        }
        let (mut known, mut named, mut ends) = (HashSet::new(), Vec::new(), Vec::new());
        for file in &self.files {
            named.extend(rows::read(file, &mut known)?);
            ends.push(named.len());
        }
        drop(known);
        ensure!(!named.is_empty(), "there are no rows");
        let data = Dataset::of(&named);
        ensure!(
            holdout || data.items.len() <= recipe::ITEMS_MAX,
            "{} items: sar75 and prequential count each with each, at most {}",
            data.items.len(),
            recipe::ITEMS_MAX
        );
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
        let share = self.tuning.share();
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
