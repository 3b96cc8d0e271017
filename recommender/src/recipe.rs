//! What is served, wherever it is fitted, measured or timed: EASE blended with item-kNN
//! (docs/RECOMMENDER.md says how these numbers were chosen).

use crate::ease::{self, NotFitted};
use crate::histories::Histories;
use crate::scorer::Scorer;
use crate::similarity::{Nearness, nearest};

/// Raised with whatever makes other weights of the same likings.
pub const VERSION: u32 = 2;
/// How strongly weights are pulled towards zero, unless it is set.
pub const LAMBDA: f64 = 200.0;
/// Fitted are the best known; what a fit costs grows with the cube of them.
pub const ITEMS_MAX: usize = 12_000;
/// Weights kept towards each item.
pub const STRONGEST: usize = 400;
/// Neighbours that are blended in: beside EASE, more and looser ones did better.
pub const NEIGHBOURS: usize = 300;
pub const NEARNESS: Nearness = Nearness::Cosine { shrink: 3.0 };
/// What they weigh beside 1 for EASE.
pub const NEIGHBOURS_WEIGHT: f64 = 1.5;
/// Of [`crate::recency`].
pub const RECENCY: f64 = 1.0;

/// The same for the same likings, lambda and number of threads, bit for bit.
pub fn fit(known: &Histories, lambda: f64, threads: usize) -> Result<Scorer, NotFitted> {
    let fitted = ease::fit_best_known(known, ITEMS_MAX, lambda, STRONGEST, threads)?;
    let near = nearest(known, NEARNESS, NEIGHBOURS, threads);
    Ok(Scorer::blend(vec![(1.0, fitted), (NEIGHBOURS_WEIGHT, near)]))
}
