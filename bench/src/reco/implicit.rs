//! `implicit`, what most would take in Python: its alternating least squares with the settings of
//! its own tutorial, on the same likings and as many threads.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, ensure};
use local_services::{Signal, python_packages, spawn_bound_to_us};
use recommender::Histories;
use serde::Deserialize;

use crate::system::runtime_dir;

const LOCK: &str = include_str!("implicit.lock");
const PROGRAM: &str = include_str!("implicit.py");
/// What it is called in a report.
pub const NAME: &str = "implicit (ALS)";
/// How its figures are meant.
pub const TOLD: &str = "64 factors, 15 iterations; lists of ten without reasons, by the factors \
    that the fit gave, or by those of what is liked now (live)";

/// It and what it needs, fetched once.
pub struct Implicit {
    packages: PathBuf,
}

/// What one fit took, and answers with it.
#[derive(Debug, Deserialize)]
pub struct Measured {
    pub version: String,
    pub fit_ms: f64,
    pub peak_mb: f64,
    /// Each answer, by the factors that the fit gave the person.
    pub fitted_ms: Vec<f64>,
    /// By factors of what the person likes now, as ours.
    pub live_ms: Vec<f64>,
}

impl Implicit {
    /// The error says why it cannot be had here.
    pub fn fetched() -> anyhow::Result<Self> {
        let mut words = LOCK.split_whitespace();
        let version = words.find_map(|word| word.strip_prefix("implicit=="));
        let name = format!("implicit-{}", version.context("the lock does not name it")?);
        let folder = runtime_dir().context("no folder to keep it in")?;
        let packages = python_packages(&folder, &name, LOCK).map_err(anyhow::Error::msg)?;
        let implicit = Self { packages };
        let used = implicit.python().arg("import implicit").output()?;
        let words = String::from_utf8_lossy(&used.stderr);
        ensure!(used.status.success(), "{}", words.lines().last().unwrap_or("it cannot be used"));
        Ok(implicit)
    }

    /// In a process of its own, one of `requests` after the other, every `stride`th person. Blocks.
    pub fn measure(
        &self,
        histories: &Histories,
        threads: usize,
        requests: usize,
        stride: usize,
    ) -> anyhow::Result<Measured> {
        let mut python = self.python();
        python.arg(PROGRAM).args([threads, requests, stride].map(|number| number.to_string()));
        python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn_bound_to_us(python, Signal::Kill)?;
        let mut input = child.stdin.take().context("its input is ours")?;
        let bytes = bytes(histories);
        let telling = thread::spawn(move || input.write_all(&bytes));
        let output = child.wait_with_output()?;
        // What it was not told, it misses.
        drop(telling.join());
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{NAME} ended with {}: {words}", output.status);
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Its own advice: threads of the linear algebra below it only get in its way.
    fn python(&self) -> Command {
        let mut python = Command::new("python3");
        python.env("PYTHONPATH", &self.packages).env("OPENBLAS_NUM_THREADS", "1").arg("-c");
        python
    }
}

/// As the program reads them.
fn bytes(histories: &Histories) -> Vec<u8> {
    let mut numbers = vec![histories.items(), histories.people(), 0];
    let ends = histories.iter().scan(0, |end, liked| {
        *end += liked.len();
        Some(*end)
    });
    numbers.extend(ends);
    let mut bytes: Vec<u8> =
        numbers.into_iter().flat_map(|number| (number as u64).to_le_bytes()).collect();
    bytes.extend(histories.iter().flatten().flat_map(|item| item.to_le_bytes()));
    bytes
}
