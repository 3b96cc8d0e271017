//! Who is measured in each protocol, always beside what costs nothing.

use std::time::Instant;

use recommender::protocol::prequential::Replay;
use recommender::protocol::{Dataset, sar75};
use recommender::similarity::{Nearness, cosine, jaccard, nearest, popularity};
use recommender::{Counts, Histories, Metrics, Scorer, Split, ease, recency, recipe};

use super::eval::Tuning;

/// Item-kNN as it is usually tuned.
const NEIGHBOURS: [(&str, Nearness, usize); 2] = [
    ("item-kNN, cosine, k 100", Nearness::Cosine { shrink: 10.0 }, 100),
    ("item-kNN, BM25, k 200", Nearness::Bm25 { k1: 1.2, b: 0.8 }, 200),
];
/// How often a nightly batch runs, in rows of the log.
const NIGHT: usize = 25_000;

/// Prints one as soon as it is measured.
pub type Said<'a> = &'a mut dyn FnMut(&str, Metrics, f64) -> anyhow::Result<()>;

fn timed(
    said: Said<'_>,
    name: &str,
    measure: impl FnOnce() -> anyhow::Result<Metrics>,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let metrics = measure()?;
    said(name, metrics, started.elapsed().as_secs_f64())
}

/// As others publish it: profiles in which all weighs the same.
pub fn sar75(data: &Dataset, tuning: &Tuning, said: Said<'_>) -> anyhow::Result<()> {
    let workers = tuning.threads();
    let (split, known) = sar75::split(data);
    let counts = Counts::of(&split.train, workers);
    let same = |model| evaluate(&split, &Scorer::one(model), 0.0, workers);
    timed(said, "popularity", || Ok(same(popularity(&split.train))))?;
    timed(said, "SAR (Jaccard, 30-day half-life)", || {
        let affinities = sar75::affinities(data, &known);
        let scorer = Scorer::one(jaccard(&counts));
        Ok(split.evaluate(&scorer, |person| affinities[person].clone(), workers))
    })?;
    timed(said, "SAR cosine, binary", || Ok(same(cosine(&counts))))?;
    for (name, nearness, count) in NEIGHBOURS {
        timed(said, name, || Ok(same(nearest(&split.train, nearness, count, workers))))?;
    }
    let started = Instant::now();
    let fitted = ease::fit(&counts, tuning.lambda(), workers)?;
    eprintln!("EASE took {:.1} s to fit", started.elapsed().as_secs_f64());
    let strongest = fitted.strongest(tuning.strongest());
    timed(said, &format!("EASE, lambda {}", tuning.lambda()), || Ok(same(fitted)))?;
    timed(said, "the same, strongest weights only", || Ok(same(strongest)))
}

/// A share of everybody's rows held out: without recency, as it is mostly published, then with.
pub fn holdout(split: &Split, tuning: &Tuning, said: Said<'_>) -> anyhow::Result<()> {
    let workers = tuning.threads();
    let popular = Scorer::one(popularity(&split.train));
    timed(said, "popularity", || Ok(evaluate(split, &popular, 0.0, workers)))?;
    let recent = |name: &str| format!("{name}, recency {}", tuning.recency());
    for (name, nearness, count) in NEIGHBOURS {
        let scorer = Scorer::one(nearest(&split.train, nearness, count, workers));
        timed(said, name, || Ok(evaluate(split, &scorer, 0.0, workers)))?;
        if tuning.recency() > 0.0 {
            timed(said, &recent(name), || Ok(evaluate(split, &scorer, tuning.recency(), workers)))?;
        }
    }
    let started = Instant::now();
    let (most, strongest) = (tuning.items(), tuning.strongest());
    let fitted = ease::fit_best_known(&split.train, most, tuning.lambda(), strongest, workers)?;
    eprintln!("EASE took {:.1} s to fit", started.elapsed().as_secs_f64());
    let name = format!("EASE, lambda {}", tuning.lambda());
    let scorer = Scorer::one(fitted.clone());
    timed(said, &name, || Ok(evaluate(split, &scorer, 0.0, workers)))?;
    if tuning.recency() > 0.0 {
        timed(said, &recent(&name), || Ok(evaluate(split, &scorer, tuning.recency(), workers)))?;
    }
    let near = nearest(&split.train, recipe::NEARNESS, recipe::NEIGHBOURS, workers);
    let blend = Scorer::blend(vec![(1.0, fitted), (tuning.blend(), near)]);
    timed(said, &recent("EASE + item-kNN"), || {
        Ok(evaluate(split, &blend, tuning.recency(), workers))
    })
}

/// In order of time, with profiles of the moment and without.
pub fn prequential(data: &Dataset, tuning: &Tuning, said: Said<'_>) -> anyhow::Result<()> {
    let workers = tuning.threads();
    let live = Replay { warm_up: tuning.warm_up(), power: 0.0, workers, ..Replay::default() };
    let nightly = Replay { live: false, refit_every: NIGHT, ..live };
    let weighed = Replay { power: tuning.recency(), ..live };
    let popular = |known: &Histories| Ok(Scorer::one(popularity(known)));
    let near = |known: &Histories| Ok(Scorer::one(cosine(&Counts::of(known, workers))));
    let fitted = |known: &Histories| {
        Ok(Scorer::one(ease::fit(&Counts::of(known, workers), tuning.lambda(), workers)?))
    };
    timed(said, "popularity", || live.run(data, popular))?;
    timed(said, "EASE, profiles every 25,000 rows", || nightly.run(data, fitted))?;
    timed(said, "EASE, live profiles", || live.run(data, fitted))?;
    timed(said, "cosine, live profiles", || live.run(data, near))?;
    let recent = |name: &str| format!("{name}, live profiles, recency {}", tuning.recency());
    timed(said, &recent("cosine"), || weighed.run(data, near))?;
    timed(said, &recent("EASE"), || weighed.run(data, fitted))
}

fn evaluate(split: &Split, scorer: &Scorer, power: f64, workers: usize) -> Metrics {
    split.evaluate(scorer, |person| recency(split.train.of_person(person), power), workers)
}
