//! `bench chaos`: a client at work while everything around it is killed, with fsync on.
//!
//! Our roles run as processes of their own beside a durable Postgres and a nats-server. Another
//! process asks for things and writes down every acknowledgement. We kill at random moments and at
//! the moments that matter, which are reached from outside: by stopping a process, by a proxy that
//! swallows answers, by a lock. In the end the log is compared with what was acknowledged.

mod client;
mod cluster;
mod proxy;
mod report;
mod strike;
mod verdict;

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Child, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use local_services::{Signal, spawn_bound_to_us};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use tokio::task::spawn_blocking;
use uuid::Uuid;

pub use client::Client;
use client::{Experience, Scene};
use cluster::Cluster;
use report::{ChaosReport, Kills};
use strike::Strike;
use verdict::{Verdict, judge};

use crate::system::{Site, account, daybook};

/// How long anything may take before it counts as broken.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(60);
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(10);

const READERS: usize = 6;
const BUYERS: usize = 2;
const BOOKS: usize = 200;
/// Pieces in stock at the beginning: fewer than will be asked for.
const PIECES: u32 = 20;
/// Acknowledged after each kill before the next one: the system is back at work.
const RECOVERED: u64 = 20;
/// Between two kills.
const REST_MS: std::ops::Range<u64> = 100..900;

/// How long, and in which order.
#[derive(Debug, clap::Args)]
pub struct Chaos {
    /// How long things are killed; each kind at least once, however long that takes
    #[arg(long, value_name = "N", conflicts_with = "seconds")]
    minutes: Option<u64>,

    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,

    /// The same seed kills in the same order [default: a new one, which is printed]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// A run under way.
struct Run {
    cluster: Cluster,
    client: Asking,
    kills: Kills,
    /// How often a checkpoint was seen where it had been, while its move was not committed.
    checkpoints_unmoved: u32,
}

/// The client process, and the file it writes.
struct Asking {
    child: Child,
    file: File,
    lines: u64,
}

impl Chaos {
    pub async fn run(self, program: &Path) -> anyhow::Result<ExitCode> {
        let budget = Duration::from_secs(self.minutes.map_or(self.seconds, |minutes| minutes * 60));
        let seed = self.seed.unwrap_or_else(rand::random);
        let dir = std::env::temp_dir().join(format!("daybook-chaos-{}", Uuid::new_v4().simple()));
        let report = whole(program, &dir, budget, seed).await;
        let report = report.with_context(|| format!("seed {seed}, files in {}", dir.display()))?;
        match self.json {
            true => println!("{}", serde_json::to_string(&report)?),
            false => println!("{report}"),
        }
        if !report.ok {
            eprintln!("What happened is kept in {}", dir.display());
            return Ok(ExitCode::FAILURE);
        }
        fs::remove_dir_all(&dir)?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn whole(
    program: &Path,
    dir: &Path,
    budget: Duration,
    seed: u64,
) -> anyhow::Result<ChaosReport> {
    let begun = Instant::now();
    let cluster = Cluster::start(program, dir.to_owned()).await?;
    let scene = scene(&cluster).await?;
    let product = scene.product;
    fs::write(dir.join("scene.json"), serde_json::to_vec(&scene)?)?;
    let client = Asking::start(program, dir)?;
    let kills = Kills::default();
    let mut run = Run { cluster, client, kills, checkpoints_unmoved: 0 };
    run.kill_for(budget, seed).await?;
    let experience = run.client.end().await?;

    let pool = sqlx::PgPool::connect(&run.cluster.database_url).await?;
    let acknowledged = dir.join("acknowledged.jsonl");
    let mut verdicts = judge(&pool, &run.cluster.nats_url, &acknowledged, product).await?;
    pool.close().await;
    verdicts.push(run.unseen_checkpoints());
    verdicts.push(no_surprise(&experience));
    let seconds = begun.elapsed().as_secs_f64();
    Ok(ChaosReport::new(seed, seconds, run.kills, experience, verdicts))
}

/// Who there is and what there is to ask for.
async fn scene(cluster: &Cluster) -> anyhow::Result<Scene> {
    let command = cluster.configured();
    let merchandiser = spawn_blocking(move || account(command, "merchandiser")).await??;
    let site = Site::at(&cluster.address, &merchandiser).await?;
    let mut readers = site.members(READERS + BUYERS).await?;
    let buyers = readers.split_off(READERS);
    let (books, product) = (site.books(BOOKS).await?, site.product(PIECES).await?);
    let address = cluster.address.clone();
    Ok(Scene { address, readers, buyers, merchandiser, books, product })
}

impl Run {
    /// Deals all kinds of kills in ever new orders until the time is over and each has happened.
    async fn kill_for(&mut self, budget: Duration, seed: u64) -> anyhow::Result<()> {
        let mut random = StdRng::seed_from_u64(seed);
        let style = ProgressStyle::with_template("{bar:30} {elapsed} of {len} s, {msg}")?;
        let bar = ProgressBar::new(budget.as_secs()).with_style(style);
        let begun = Instant::now();
        let mut deck = Vec::new();
        self.client.until(RECOVERED).await?;
        while begun.elapsed() < budget || !self.kills.complete() {
            let strike = deck.pop().unwrap_or_else(|| {
                deck.extend(Strike::ALL);
                deck.shuffle(&mut random);
                deck.pop().expect("it was just filled")
            });
            tokio::time::sleep(Duration::from_millis(random.random_range(REST_MS))).await;
            bar.set_position(begun.elapsed().as_secs());
            let (kills, so_far) = (self.kills.all(), self.client.acknowledged()?);
            let next = strike.words();
            bar.set_message(format!("{kills} kills, {so_far} acknowledged, next {next}"));
            let context = || format!("killing {next}");
            let killed = Instant::now();
            self.strike(strike).await.with_context(context)?;
            let so_far = self.client.acknowledged()?;
            self.client.until(so_far + RECOVERED).await.with_context(context)?;
            self.kills.count(strike, killed.elapsed());
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn unseen_checkpoints(&self) -> Verdict {
        let looked = self.kills.of(Strike::CheckpointMovedRowsNot);
        let unmoved = self.checkpoints_unmoved;
        let claim = "no checkpoint is seen to move before its rows";
        Verdict::new(claim, looked == unmoved, format!("{unmoved} of {looked} times"))
    }
}

fn no_surprise(experience: &Experience) -> Verdict {
    let wrong = &experience.wrong;
    let detail = match wrong.is_empty() {
        true => "503 and lost connections only".to_owned(),
        false => wrong.iter().take(3).cloned().collect::<Vec<_>>().join("; "),
    };
    Verdict::new("a client sees no error but \"try again\"", wrong.is_empty(), detail)
}

impl Asking {
    fn start(program: &Path, dir: &Path) -> anyhow::Result<Self> {
        let acknowledged = dir.join("acknowledged.jsonl");
        File::create(&acknowledged)?;
        let mut command = daybook(program);
        command.args(["bench", "client", "--scene"]).arg(dir.join("scene.json"));
        command.arg("--acknowledged").arg(&acknowledged);
        let errors = File::create(dir.join("client.log"))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let child = spawn_bound_to_us(command, Signal::Terminate)?;
        Ok(Self { child, file: File::open(acknowledged)?, lines: 0 })
    }

    /// How many commands were acknowledged so far.
    fn acknowledged(&mut self) -> anyhow::Result<u64> {
        let mut new = Vec::new();
        self.file.read_to_end(&mut new)?;
        self.lines += new.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(self.lines)
    }

    /// Waits until so many were acknowledged.
    async fn until(&mut self, wanted: u64) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.acknowledged()? < wanted {
            ensure!(begun.elapsed() < WAIT_MAX, "{} of {wanted} are acknowledged", self.lines);
            let ended = self.child.try_wait()?;
            ensure!(ended.is_none(), "the client has ended, see client.log");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// Lets every command under way get its answer.
    async fn end(&mut self) -> anyhow::Result<Experience> {
        drop(self.child.stdin.take());
        let mut output = self.child.stdout.take().context("its output is ours")?;
        let said = spawn_blocking(move || {
            let mut said = String::new();
            output.read_to_string(&mut said).map(|_| said)
        });
        let said = said.await??;
        ensure!(self.child.wait()?.success(), "the client failed, see client.log");
        serde_json::from_str(&said).context("what the client says at its end")
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        local_services::signal(self.child.id(), Signal::Kill);
        let _ = self.child.wait();
    }
}
