//! `daybook search indexes`: how fast the nearest are found where they can be looked for, and how
//! many of them.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use processes::texts::TextHash;
use processes::vectors::Vectors;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use retrieval::{DIMENSIONS, Exact, Vector, text_hash};
use serde_json::json;
use sqlx::PgPool;

use crate::cli::progress;
use crate::settings::{Secret, Settings, VectorIndex};
use crate::vectors::qdrant_address;

/// As many as a search asks for, and so many of them are compared with the nearest.
const ASKED: usize = 400;
const COMPARED: usize = 100;
const FLOOR: f32 = 0.25;
/// Vectors that are put there at once.
const RUN: usize = 1_000;
/// What texts say differs in this many ways, and comes in so many topics.
const WAYS: usize = 64;
const TOPICS: usize = 500;
const SEED: u64 = 42;

#[derive(Debug, clap::Args)]
pub struct Indexes {
    /// How many vectors; several are measured
    #[arg(long, default_values_t = [10_000, 100_000], value_name = "N", num_args = 1..)]
    texts: Vec<usize>,

    /// How many questions are asked of each
    #[arg(long, default_value_t = 200, value_name = "N")]
    questions: usize,

    /// Print one JSON object a line instead of a table
    #[arg(long)]
    json: bool,
}

impl Indexes {
    /// Postgres is one of its own; Qdrant the one of the settings, if there is one.
    pub async fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let options = local_services::Options {
            runtime_dir: Some(settings.runtime_dir()),
            postgres_source: settings.postgres.into(),
            nats: false,
            ..local_services::Options::ephemeral()
        };
        let services = local_services::start(&options)?;
        let url = services.database_url().context("no database was started")?;
        let mut indexes = vec![("memory", Vectors::Memory)];
        match Vectors::postgres(&PgPool::connect(&url).await?).await {
            Ok(postgres) => indexes.push(("postgres", postgres)),
            Err(error) => eprintln!("postgres is not measured: {error}"),
        }
        let qdrant = Settings { vector_index: VectorIndex::Qdrant, ..settings.clone() };
        match qdrant_address(&qdrant)? {
            Some(address) => {
                let key = settings.qdrant_api_key.as_ref().map(Secret::expose);
                indexes.push(("qdrant", Vectors::qdrant(address, key, "daybook-measured")?));
            }
            None => eprintln!("qdrant is not measured: qdrant_url is not set"),
        }
        if !self.json {
            let columns =
                "index         texts   filled in s   median ms   95% within ms   recall@100";
            writeln!(io::stdout(), "{columns}")?;
        }
        for texts in &self.texts {
            let made = Made::new(*texts, self.questions);
            for (name, vectors) in &indexes {
                // As long as the hash of a model is.
                let model = format!("{texts:064}");
                self.say(name, *texts, &made.measure(vectors, &model).await?)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn say(&self, name: &str, texts: usize, measured: &Measured) -> anyhow::Result<()> {
        let Measured { filled, median, most, recall } = measured;
        if self.json {
            let object = json!({
                "index": name, "texts": texts, "filled_seconds": filled, "median_ms": median,
                "p95_ms": most, "recall_at_100": recall,
            });
            return writeln!(io::stdout(), "{object}").context("cannot print");
        }
        let row = format!(
            "{name:<9} {texts:>9} {filled:>13.1} {median:>11.2} {most:>15.2} {recall:>12.4}"
        );
        writeln!(io::stdout(), "{row}").context("cannot print")
    }
}

struct Measured {
    filled: f64,
    median: f64,
    most: f64,
    recall: f64,
}

/// Vectors that are as unlike as those of texts are, and questions, with what is nearest to them.
struct Made {
    vectors: Vec<(TextHash, Vector)>,
    questions: Vec<(Vector, HashSet<TextHash>)>,
}

impl Made {
    fn new(texts: usize, questions: usize) -> Self {
        let mut random = StdRng::seed_from_u64(SEED);
        let ways = numbers(&mut random, WAYS * DIMENSIONS);
        let topics = numbers(&mut random, TOPICS * WAYS);
        let vector = |random: &mut StdRng| {
            let topic = random.random_range(0..TOPICS) * WAYS;
            let said = topics[topic..topic + WAYS].iter().zip(numbers(random, WAYS));
            let mut sum = vec![0.0; DIMENSIONS];
            for ((topic, own), way) in said.zip(ways.chunks(DIMENSIONS)) {
                sum.iter_mut().zip(way).for_each(|(sum, way)| *sum += (topic + own) * way);
            }
            Vector::new(sum).expect("nothing random is exactly zero")
        };
        let vectors: Vec<(TextHash, Vector)> =
            (0..texts).map(|n| (text_hash(&n.to_string()), vector(&mut random))).collect();
        let mut exact = Exact::default();
        vectors.iter().for_each(|(text, vector)| exact.put(*text, vector));
        let questions = (0..questions).map(|_| {
            let question = vector(&mut random);
            let nearest = exact.nearest(&question, COMPARED, FLOOR);
            (question, nearest.iter().map(|hit| hit.id).collect())
        });
        Self { questions: questions.collect(), vectors }
    }

    async fn measure(&self, vectors: &Vectors, model: &str) -> anyhow::Result<Measured> {
        let index = vectors.of(model);
        let bar = progress::bar("vectors", i64::try_from(self.vectors.len())?);
        let begun = Instant::now();
        for run in self.vectors.chunks(RUN) {
            index.put(&run.iter().cloned().collect::<HashMap<_, _>>()).await?;
            bar.inc(run.len() as u64);
        }
        bar.finish_and_clear();
        let filled = begun.elapsed().as_secs_f64();
        let (mut times, mut found, mut wanted) = (Vec::new(), 0, 0);
        for (question, nearest) in &self.questions {
            let begun = Instant::now();
            let hits = index.nearest(question, ASKED, FLOOR).await?.hits;
            times.push(begun.elapsed().as_secs_f64() * 1_000.0);
            found += hits.iter().take(COMPARED).filter(|hit| nearest.contains(&hit.id)).count();
            wanted += nearest.len();
        }
        vectors.of("nothing").forget_other_models().await?;
        times.sort_by(f64::total_cmp);
        let (median, most) = (times[times.len() / 2], times[times.len() * 95 / 100]);
        Ok(Measured { filled, median, most, recall: found as f64 / wanted.max(1) as f64 })
    }
}

/// About normal: a sum of four.
fn numbers(random: &mut StdRng, count: usize) -> Vec<f32> {
    (0..count).map(|_| (0..4).map(|_| random.random_range(-1.0..1.0)).sum()).collect()
}
