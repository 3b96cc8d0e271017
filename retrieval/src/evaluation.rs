//! How good rankings are, against judgements of what is relevant.

use std::collections::HashSet;
use std::hash::Hash;

/// The share of the best possible gain among the first `k`, where a relevant one gains
/// 1 / log2(rank + 1).
pub fn ndcg<I: Eq + Hash>(ranked: &[I], relevant: &HashSet<I>, k: usize) -> f64 {
    let gain = |rank: usize| 1.0 / (rank as f64 + 2.0).log2();
    let first = ranked.iter().take(k).enumerate();
    let gained: f64 =
        first.filter(|(_, id)| relevant.contains(id)).map(|(rank, _)| gain(rank)).sum();
    let best: f64 = (0..relevant.len().min(k)).map(gain).sum();
    if best > 0.0 { gained / best } else { 0.0 }
}

/// The share of the relevant ones among the first `k`.
pub fn recall<I: Eq + Hash>(ranked: &[I], relevant: &HashSet<I>, k: usize) -> f64 {
    let found: HashSet<_> = ranked.iter().take(k).filter(|id| relevant.contains(id)).collect();
    if relevant.is_empty() { 0.0 } else { found.len() as f64 / relevant.len() as f64 }
}

/// 1 if any of the first `k` is relevant.
pub fn success<I: Eq + Hash>(ranked: &[I], relevant: &HashSet<I>, k: usize) -> f64 {
    if ranked.iter().take(k).any(|id| relevant.contains(id)) { 1.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_ranking_gains_everything_and_a_late_one_less() {
        let relevant = HashSet::from([1, 2]);
        assert_eq!(ndcg(&[1, 2, 3], &relevant, 10), 1.0);
        assert_eq!(ndcg(&[2, 1, 3], &relevant, 10), 1.0);
        let late = ndcg(&[3, 1], &relevant, 10);
        assert!((late - 0.6309 / 1.6309).abs() < 1e-3, "{late}");
        assert_eq!(ndcg(&[3, 4], &relevant, 10), 0.0);
        assert_eq!(ndcg(&[1], &HashSet::new(), 10), 0.0);
    }

    #[test]
    fn what_comes_after_the_first_k_is_not_found() {
        let relevant = HashSet::from([1, 9]);
        assert_eq!(recall(&[1, 2, 9], &relevant, 2), 0.5);
        assert_eq!(recall(&[1, 2, 9], &relevant, 3), 1.0);
        assert_eq!(success(&[3, 4, 9], &relevant, 2), 0.0);
        assert_eq!(success(&[3, 4, 9], &relevant, 3), 1.0);
    }
}
