//! What recommendations cost: fitting everybody's model anew, and answering one reader.
//!
//! The references are what the linear algebra library offers without knowing that the matrix is
//! symmetric, a plain inverse of the same size, by LU; and `implicit`, where pip can fetch it.

mod implicit;

use std::hint::black_box;
use std::time::Instant;

use anyhow::Context;
use faer::linalg::solvers::DenseSolveCore;
use faer::{Mat, Par};
use indicatif::{ProgressBar, ProgressStyle};
use recommender::similarity::nearest;
use recommender::{Counts, Histories, Model, Planted, Scorer, ease, recency, recipe};

use crate::{Goal, Latency, Machine, Options, Report, Round};
use implicit::Implicit;

/// The shop it is measured for.
const ITEMS: f64 = 10_000.0;
const PEOPLE: f64 = 53_000.0;
const SIGNALS: i64 = 5_500_000;
/// As many people as like 104 items on average.
const LIKED: usize = 104;

const INVERSE: &str = "dense inverse";

/// The newest likings of a reader that are scored with.
const PROFILE_MAX: usize = 200;
const REASONS: usize = 3;
const REQUESTS: usize = 2_000;
/// From one who asks to the next, so that they are spread over everybody: a prime.
const STRIDE: usize = 7_919;

const REFIT_SECONDS_MAX: f64 = 45.0;
const MEMORY_MB_MAX: f64 = 2_500.0;
const SERVING_MS_MAX: f64 = 5.0;

pub async fn run(options: &Options) -> anyhow::Result<Vec<Report>> {
    let options = options.clone();
    tokio::task::spawn_blocking(move || measure(&options)).await?
}

/// What all rounds found.
#[derive(Default)]
struct Found {
    refits: Vec<Round>,
    peaks: Vec<Round>,
    /// Of the last round.
    model: Option<Model>,
    implicit: Option<implicit::Measured>,
}

fn measure(options: &Options) -> anyhow::Result<Vec<Report>> {
    let threads = options.clients.unwrap_or(2);
    let implicit = Implicit::fetched().inspect_err(|why| eprintln!("without implicit: {why:#}"));
    let histories = world(options.events.unwrap_or(SIGNALS)).histories();
    let found = rounds(options.rounds, &histories, implicit.ok(), threads)?;
    let settings = format!(
        "{} items, {} people, {} signals, {threads} threads",
        histories.items(),
        histories.people(),
        histories.pairs()
    );
    let served = serve(&histories, found.model.context("no round")?, threads);
    let (title, unit) = (format!("memory, {settings}"), "MB at the peak of a refit");
    let mut peak = Report::of("reco", title, unit, Machine::this("none"), found.peaks);
    peak.goals = vec![Goal::at_most("MB", MEMORY_MB_MAX, peak.ours)];

    let mut refit = Report::of("reco", settings, "ms a refit", Machine::this("none"), found.refits);
    refit.latency_ms = Latency::of(served);
    let p99 = refit.latency_ms.map_or(f64::NAN, |latency| latency.p99);
    refit.goals = vec![
        Goal::at_most("seconds a refit", REFIT_SECONDS_MAX, refit.ours / 1e3),
        Goal::at_most("ms to answer a reader, p99", SERVING_MS_MAX, p99),
    ];
    refit.notes = vec![
        "less is better: a ratio below 1 is faster than the reference".to_owned(),
        "the inverse is given the matrix; a refit counts it, and keeps the strongest weights"
            .to_owned(),
        format!("latency: {REQUESTS} lists of ten with {REASONS} reasons each, two models blended"),
    ];
    if let Some(implicit::Measured { version, fitted_ms, live_ms, .. }) = found.implicit {
        for (how, took) in [("", fitted_ms), (", live", live_ms)] {
            let latency = Latency::of(took).context("it answered nobody")?;
            refit.reference_latency_ms.insert(format!("{}{how}", implicit::NAME), latency);
        }
        refit.notes.push(format!("implicit {version}, set as in its tutorial: {}", implicit::TOLD));
    }
    Ok(vec![refit, peak])
}

fn rounds(
    count: usize,
    histories: &Histories,
    implicit: Option<Implicit>,
    threads: usize,
) -> anyhow::Result<Found> {
    let turns = count * (2 + usize::from(implicit.is_some()));
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} turns, {msg}, {eta} left")?;
    let bar = ProgressBar::new(turns as u64).with_style(style);
    let mut found = Found::default();
    for _ in 0..count {
        let (mut refit, mut peak) = (Round::default(), Round::default());
        bar.set_message("daybook");
        forget_peak();
        let started = Instant::now();
        let counts = Counts::of(histories, threads);
        let fitted = ease::fit(&counts, recipe::LAMBDA, threads)?.strongest(recipe::STRONGEST);
        refit.ours = started.elapsed().as_secs_f64() * 1e3;
        peak.ours = peak_mb();
        found.model = Some(fitted);
        bar.inc(1);
        bar.set_message(INVERSE);
        refit.references.insert(INVERSE.to_owned(), inverse(&counts, threads));
        bar.inc(1);
        drop(counts);
        if let Some(implicit) = &implicit {
            bar.set_message(implicit::NAME);
            let measured = implicit.measure(histories, threads, REQUESTS, STRIDE)?;
            refit.references.insert(implicit::NAME.to_owned(), measured.fit_ms);
            peak.references.insert(implicit::NAME.to_owned(), measured.peak_mb);
            found.implicit = Some(measured);
            bar.inc(1);
        }
        found.refits.push(refit);
        found.peaks.push(peak);
    }
    bar.finish_and_clear();
    Ok(found)
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
    (0..REQUESTS).map(|nth| answer(nth * STRIDE % histories.people())).collect()
}

/// From here on the kernel notes the most memory we hold; where it does not, it is since our start.
fn forget_peak() {
    if let Err(error) = std::fs::write("/proc/self/clear_refs", "5") {
        tracing::debug!("the peak of memory cannot be reset: {error}");
    }
}

fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib * 1024.0 / 1e6)
}
