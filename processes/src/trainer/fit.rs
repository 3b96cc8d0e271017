//! From likings to weights, and how good they are. No database here.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use domain::model::{Fit, Metrics};
use recommender::{Counts, Histories, Item, LENGTH, Scorer, ease, recency, recipe};
use sha2::{Digest, Sha256};

use super::kept::Kept;
use super::likings::Likings;
use super::{TrainError, Training};

/// With fewer people none is left out of a fit to measure it on.
const MEASURED_FROM: usize = 100;
/// Always as many: a fit is the same, bit for bit, for the same number of threads.
const THREADS: usize = 2;

pub(super) struct Fitted {
    pub fit: Fit,
    pub weights: Vec<u8>,
}

/// `beside` are the weights that serve, to measure on the same people.
pub(super) fn fit(
    likings: &Likings,
    beside: Option<Kept>,
    training: Training,
) -> Result<Fitted, TrainError> {
    let started = Instant::now();
    let people = likings.histories.people();
    let is_left_out = |person: usize| people >= MEASURED_FROM && likings.left_out[person];
    let of = |out: bool| {
        let people = likings.histories.iter().enumerate();
        let chosen = people.filter(|(person, _)| is_left_out(*person) == out);
        Histories::of(likings.items.len(), chosen.map(|(_, liked)| liked))
    };
    let (known, left_out) = (of(false), of(true));
    let beside = beside.and_then(|kept| {
        let places: HashMap<_, Item> = kept.items.iter().zip(0..).collect();
        let place = |item: Item| places.get(&likings.items[item as usize]).copied();
        measure(&kept.scorer, &left_out, place)
    });
    let lambda = training.lambda;
    let scorer = recipe::fit(&known, lambda, THREADS)?;
    let weights = scorer.to_bytes()?;
    let fit = Fit {
        position: likings.position,
        people: people as u32,
        items: likings.items.len() as u32,
        lambda,
        item_order_hash: item_order_hash(likings),
        model_hash: hex::encode(Sha256::digest(&weights)),
        metrics: measure(&scorer, &left_out, Some),
        beside,
        seconds: (started.elapsed().as_secs_f64() * 1e3).round() / 1e3,
        recipe: recipe::VERSION,
    };
    Ok(Fitted { fit, weights })
}

/// SHA-256 of who likes how many of the fitted items together, whoever is left out of a fit.
pub(super) fn counts_hash(likings: &Likings) -> String {
    let histories = &likings.histories;
    let best = ease::best_known(histories, recipe::ITEMS_MAX);
    Counts::of(&histories.only(&best), THREADS).hash()
}

/// Of people whose newest liking is hidden, how many find it among the first ten. `place` is what the
/// weights call an item; what they do not know counts by its age all the same, and is not found.
fn measure(
    scorer: &Scorer,
    people: &Histories,
    place: impl Fn(Item) -> Option<Item>,
) -> Option<Metrics> {
    let (mut asked, mut found) = (0_u32, 0_u32);
    for history in people.iter() {
        let [known @ .., newest] = history else { continue };
        if known.is_empty() {
            continue;
        }
        let profile: Vec<(Item, f64)> = recency(known, recipe::RECENCY)
            .into_iter()
            .filter_map(|(item, weight)| Some((place(item)?, weight)))
            .collect();
        let known: HashSet<Item> = profile.iter().map(|(item, _)| *item).collect();
        let list = scorer.scores(&profile).top(LENGTH, |item| !known.contains(&item));
        asked += 1;
        // What has no score is not recommended either.
        let is_found =
            |newest: Item| list.iter().any(|(item, score)| *item == newest && *score > 0.0);
        found += u32::from(place(*newest).is_some_and(is_found));
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
