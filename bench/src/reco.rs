//! What recommendations cost: fitting everybody's model anew, and answering one reader.
//!
//! The reference is what the linear algebra library offers without knowing that the matrix is
//! symmetric: a plain inverse of the same size, by LU.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use anyhow::Context;
use faer::linalg::solvers::DenseSolveCore;
use faer::{Mat, Par};
use recommender::similarity::nearest;
use recommender::{Counts, Histories, Model, Planted, Scorer, ease, recency, recipe};

use crate::{Goal, Latency, Machine, Options, Report, Round};

/// The shop it is measured for.
const ITEMS: f64 = 10_000.0;
const PEOPLE: f64 = 53_000.0;
const SIGNALS: i64 = 5_500_000;
/// As many people as like 104 items on average.
const LIKED: usize = 104;

/// The newest likings of a reader that are scored with.
const PROFILE_MAX: usize = 200;
const REASONS: usize = 3;
const REQUESTS: usize = 2_000;

const REFIT_SECONDS_MAX: f64 = 45.0;
const MEMORY_GB_MAX: f64 = 2.5;
const SERVING_MS_MAX: f64 = 5.0;

pub async fn run(options: &Options) -> anyhow::Result<Vec<Report>> {
    let options = options.clone();
    let report = tokio::task::spawn_blocking(move || measure(&options)).await??;
    Ok(vec![report])
}

fn measure(options: &Options) -> anyhow::Result<Report> {
    let threads = options.clients.unwrap_or(2);
    let histories = world(options.events.unwrap_or(SIGNALS)).histories();
    let (mut rounds, mut memory, mut model) = (Vec::new(), 0_f64, None);
    for _ in 0..options.rounds {
        forget_peak();
        let started = Instant::now();
        let counts = Counts::of(&histories, threads);
        let fitted = ease::fit(&counts, recipe::LAMBDA, threads)?.strongest(recipe::STRONGEST);
        let ours = started.elapsed().as_secs_f64() * 1e3;
        memory = memory.max(peak_gb());
        model = Some(fitted);
        let references = BTreeMap::from([("dense inverse".to_owned(), inverse(&counts, threads))]);
        rounds.push(Round { ours, references });
    }
    let settings = format!(
        "{} items, {} people, {} signals, {threads} threads",
        histories.items(),
        histories.people(),
        histories.pairs()
    );
    let mut report = Report::of("reco", settings, "ms a refit", Machine::this("none"), rounds);
    report.latency_ms = Latency::of(serve(&histories, model.context("no round")?, threads));
    report.goals = vec![
        Goal::at_most("seconds a refit", REFIT_SECONDS_MAX, report.ours / 1e3),
        Goal::at_most("GB at the peak of a refit", MEMORY_GB_MAX, memory),
        Goal::at_most(
            "ms to answer a reader, p99",
            SERVING_MS_MAX,
            report.latency_ms.map_or(f64::NAN, |latency| latency.p99),
        ),
    ];
    report.notes = vec![
        "less is better: a ratio below 1 is faster than the reference".to_owned(),
        "the reference is given the matrix; a refit counts it, and keeps the strongest weights"
            .to_owned(),
        format!("latency: {REQUESTS} lists of ten with {REASONS} reasons each, two models blended"),
    ];
    Ok(report)
}

/// With fewer signals there are fewer people, and items whose fit costs as much less.
fn world(signals: i64) -> Planted {
    let scale = signals as f64 / SIGNALS as f64;
    Planted {
        seed: 42,
        people: ((PEOPLE * scale) as usize).max(10),
        items: ((ITEMS * scale.cbrt()) as usize).max(2 * LIKED),
        tastes: 50,
        liked: LIKED,
        faithful: 0.7,
    }
}

/// Milliseconds that the library takes for the whole inverse.
fn inverse(counts: &Counts, threads: usize) -> f64 {
    faer::set_global_parallelism(Par::rayon(threads));
    let matrix = Mat::from_fn(counts.items(), counts.items(), |i, j| {
        f64::from(counts.together(i, j)) + if i == j { recipe::LAMBDA } else { 0.0 }
    });
    let started = Instant::now();
    black_box(matrix.partial_piv_lu().inverse());
    started.elapsed().as_secs_f64() * 1e3
}

/// Milliseconds of each answer.
fn serve(histories: &Histories, fitted: Model, threads: usize) -> Vec<f64> {
    let near = nearest(histories, recipe::NEARNESS, recipe::NEIGHBOURS, threads);
    let scorer = Scorer::blend(vec![(1.0, fitted), (recipe::NEIGHBOURS_WEIGHT, near)]);
    let answer = |person: usize| {
        let history = histories.of_person(person);
        let started = Instant::now();
        let newest = &history[history.len().saturating_sub(PROFILE_MAX)..];
        let profile = recency(newest, recipe::RECENCY);
        let scores = scorer.scores(&profile);
        let list = scores.top(10, |item| !history.contains(&item));
        for (item, _) in list {
            let mut reasons = scores.reasons(item);
            reasons.truncate(REASONS);
            black_box(reasons);
        }
        started.elapsed().as_secs_f64() * 1e3
    };
    // Spread over everybody: 7,919 is prime.
    (0..REQUESTS).map(|nth| answer(nth * 7_919 % histories.people())).collect()
}

/// From here on the kernel notes the most memory we hold; where it does not, it is since our start.
fn forget_peak() {
    if let Err(error) = std::fs::write("/proc/self/clear_refs", "5") {
        tracing::debug!("the peak of memory cannot be reset: {error}");
    }
}

fn peak_gb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib * 1024.0 / 1e9)
}
