//! From likings to weights, and how good they are. No database here.

use std::time::Instant;

use domain::model::{Fit, Metrics};
use recommender::similarity::{Nearness, nearest};
use recommender::{Counts, Histories, LENGTH, Scorer, ease, recency};
use sha2::{Digest, Sha256};

use super::likings::Likings;
use super::{TrainError, Training};

/// Fitted are the best known; what a fit costs grows with the cube of them.
const ITEMS_MAX: usize = 12_000;
/// Weights kept towards each item.
const STRONGEST: usize = 400;
/// Neighbours that are blended in, with their weight beside 1 for EASE (docs/RECOMMENDER.md).
const NEIGHBOURS: usize = 300;
const NEARNESS: Nearness = Nearness::Cosine { shrink: 3.0 };
const NEIGHBOURS_WEIGHT: f64 = 1.5;
/// Every twentieth is left out of a fit, to measure it on, where there are as many people.
const LEFT_OUT: usize = 20;
const MEASURED_FROM: usize = 100;
/// Always as many: a fit is the same, bit for bit, for the same number of threads.
const THREADS: usize = 2;

pub(super) struct Fitted {
    pub fit: Fit,
    pub weights: Vec<u8>,
}

pub(super) fn fit(likings: &Likings, training: Training) -> Result<Fitted, TrainError> {
    let started = Instant::now();
    let people = likings.histories.people();
    let is_left_out = |person: usize| people >= MEASURED_FROM && person % LEFT_OUT == LEFT_OUT - 1;
    let of = |out: bool| {
        let people = likings.histories.iter().enumerate();
        let chosen = people.filter(|(person, _)| is_left_out(*person) == out);
        Histories::of(likings.items.len(), chosen.map(|(_, liked)| liked))
    };
    let (known, left_out) = (of(false), of(true));
    let lambda = training.lambda;
    let fitted = ease::fit_best_known(&known, ITEMS_MAX, lambda, STRONGEST, THREADS)?;
    let near = nearest(&known, NEARNESS, NEIGHBOURS, THREADS);
    let scorer = Scorer::blend(vec![(1.0, fitted), (NEIGHBOURS_WEIGHT, near)]);
    let weights = scorer.to_bytes()?;
    let fit = Fit {
        position: likings.position,
        people: people as u32,
        items: likings.items.len() as u32,
        lambda,
        item_order_hash: item_order_hash(likings),
        model_hash: hex::encode(Sha256::digest(&weights)),
        metrics: measure(&scorer, &left_out),
        seconds: (started.elapsed().as_secs_f64() * 1e3).round() / 1e3,
    };
    Ok(Fitted { fit, weights })
}

/// SHA-256 of who likes how many of the fitted items together, whoever is left out of a fit.
pub(super) fn counts_hash(likings: &Likings) -> String {
    let histories = &likings.histories;
    let best = ease::best_known(histories, ITEMS_MAX);
    Counts::of(&histories.only(&best), THREADS).hash()
}

/// Of people whose newest liking is hidden, how many find it among the first ten.
fn measure(scorer: &Scorer, people: &Histories) -> Option<Metrics> {
    let (mut asked, mut found) = (0_u32, 0_u32);
    for history in people.iter() {
        let [known @ .., newest] = history else { continue };
        if known.is_empty() {
            continue;
        }
        let profile = recency(known, 1.0);
        let list = scorer.scores(&profile).top(LENGTH, |item| !known.contains(&item));
        asked += 1;
        found += u32::from(list.iter().any(|(item, _)| item == newest));
    }
    let hit_rate = f64::from(found) / f64::from(asked.max(1));
    (asked > 0).then_some(Metrics { people: asked, hit_rate })
}

fn item_order_hash(likings: &Likings) -> String {
    let mut hash = Sha256::new();
    for (kind, id) in &likings.items {
        hash.update(kind);
        hash.update(id.as_bytes());
    }
    hex::encode(hash.finalize())
}
