//! One ranking out of two that measure different things.

use std::collections::BTreeMap;

use crate::{Hit, best_first};

/// How scores of different kinds come together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fusion {
    /// 1 / (60 + rank), summed: looks at the order alone.
    ReciprocalRank,
    /// Standard deviations above the ranking's own mean, summed: a clear winner stays one.
    ZScore,
}

/// Flattens the difference between the first ranks; the value of the paper that proposed it.
const RANK_OFFSET: f32 = 60.0;

/// What several rankings say together, each with the weight it has.
pub fn fuse<I: Copy + Ord>(
    how: Fusion,
    rankings: &[(f32, &[Hit<I>])],
    limit: usize,
) -> Vec<Hit<I>> {
    let mut scores: BTreeMap<I, f32> = BTreeMap::new();
    for (weight, hits) in rankings {
        let lowest = hits.iter().map(|hit| hit.score).fold(f32::INFINITY, f32::min);
        let scale = Scale::of(hits);
        for (rank, hit) in (1_u16..).zip(*hits) {
            let gained = match how {
                Fusion::ReciprocalRank => 1.0 / (RANK_OFFSET + f32::from(rank)),
                // What is in one ranking only counts as the lowest of the other.
                Fusion::ZScore => scale.z(hit.score) - scale.z(lowest),
            };
            *scores.entry(hit.id).or_default() += weight * gained;
        }
    }
    let mut fused = scores.into_iter().map(|(id, score)| Hit { id, score }).collect();
    best_first(&mut fused, limit);
    fused
}

struct Scale {
    mean: f32,
    deviation: f32,
}

impl Scale {
    fn of<I>(hits: &[Hit<I>]) -> Self {
        let count = hits.len().max(1) as f32;
        let mean = hits.iter().map(|hit| hit.score).sum::<f32>() / count;
        let square = |hit: &Hit<I>| (hit.score - mean) * (hit.score - mean);
        let deviation = (hits.iter().map(square).sum::<f32>() / count).sqrt();
        Self { mean, deviation: if deviation > 0.0 { deviation } else { 1.0 } }
    }

    fn z(&self, score: f32) -> f32 {
        (score - self.mean) / self.deviation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Fusion; 2] = [Fusion::ReciprocalRank, Fusion::ZScore];

    fn hits(scores: &[(u8, f32)]) -> Vec<Hit<u8>> {
        scores.iter().map(|(id, score)| Hit { id: *id, score: *score }).collect()
    }

    fn order(how: Fusion, rankings: &[&[Hit<u8>]]) -> Vec<u8> {
        let weighed: Vec<_> = rankings.iter().map(|hits| (1.0, *hits)).collect();
        fuse(how, &weighed, 10).iter().map(|hit| hit.id).collect()
    }

    #[test]
    fn what_both_find_is_before_what_one_finds() {
        let words = hits(&[(1, 9.0), (2, 8.0), (3, 1.0)]);
        let meaning = hits(&[(4, 0.9), (2, 0.8), (5, 0.1)]);
        for how in BOTH {
            assert_eq!(order(how, &[&words, &meaning])[0], 2, "{how:?}");
        }
    }

    #[test]
    fn one_ranking_alone_keeps_its_order() {
        let words = hits(&[(3, 9.0), (1, 8.0), (2, 1.0)]);
        for how in BOTH {
            assert_eq!(order(how, &[&words, &[]]), [3, 1, 2], "{how:?}");
        }
    }

    #[test]
    fn scores_that_are_all_the_same_break_nothing() {
        let words = hits(&[(2, 1.0), (1, 1.0)]);
        assert_eq!(order(Fusion::ZScore, &[&words]), [1, 2]);
    }
}
