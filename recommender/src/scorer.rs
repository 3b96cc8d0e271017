//! From a profile to a list with reasons.

use crate::histories::Item;
use crate::model::Model;

/// Models together. Each one's scores are divided by their standard deviation, so that a weight
/// means the same whatever a model's scale is. (A z-score would also move all items alike by the
/// mean, which changes no list and would be in no reason.)
#[derive(Debug, Clone)]
pub struct Scorer {
    parts: Vec<(f64, Model)>,
}

/// The scores of every item for one profile.
#[derive(Debug, Clone)]
pub struct Scores<'a> {
    scorer: &'a Scorer,
    profile: &'a [(Item, f64)],
    /// What a unit of each model's score is worth here.
    scales: Vec<f64>,
    of_items: Vec<f64>,
}

/// How much of a score comes from one item of the profile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reason {
    pub liked: Item,
    pub share: f64,
}

impl Scorer {
    pub fn one(model: Model) -> Self {
        Self::blend(vec![(1.0, model)])
    }

    /// # Panics
    /// If models are about different numbers of items, or there is none.
    pub fn blend(parts: Vec<(f64, Model)>) -> Self {
        let items = parts[0].1.items();
        assert!(parts.iter().all(|(_, model)| model.items() == items), "models do not fit");
        Self { parts }
    }

    pub(crate) fn parts(&self) -> &[(f64, Model)] {
        &self.parts
    }

    pub fn items(&self) -> usize {
        self.parts[0].1.items()
    }

    pub fn scores<'a>(&'a self, profile: &'a [(Item, f64)]) -> Scores<'a> {
        let mut scores: Vec<Vec<f64>> =
            self.parts.iter().map(|(_, model)| model.scores(profile)).collect();
        if let [alone] = scores.as_mut_slice() {
            let of_items = std::mem::take(alone);
            return Scores { scorer: self, profile, scales: vec![1.0], of_items };
        }
        let scales: Vec<f64> = self
            .parts
            .iter()
            .zip(&scores)
            .map(|((weight, _), scores)| match deviation(scores) {
                0.0 => 0.0,
                deviation => weight / deviation,
            })
            .collect();
        let mut of_items = vec![0.0; self.items()];
        for (scale, scores) in scales.iter().zip(&scores) {
            of_items.iter_mut().zip(scores).for_each(|(sum, score)| *sum += scale * score);
        }
        Scores { scorer: self, profile, scales, of_items }
    }
}

impl Scores<'_> {
    pub fn of_items(&self) -> &[f64] {
        &self.of_items
    }

    /// The best that may be recommended.
    pub fn top(&self, count: usize, allowed: impl Fn(Item) -> bool) -> Vec<(Item, f64)> {
        top(&self.of_items, count, allowed)
    }

    /// Why the item has its score, strongest first. The shares of all of them add up to it, except
    /// for what a constant model gives to everybody.
    pub fn reasons(&self, item: Item) -> Vec<Reason> {
        let share = |(liked, weight): &(Item, f64)| {
            let gains = self.scorer.parts.iter().zip(&self.scales);
            let gain = gains.map(|((_, model), scale)| scale * model.gain(*liked, item));
            Reason { liked: *liked, share: weight * gain.sum::<f64>() }
        };
        let mut reasons: Vec<Reason> =
            self.profile.iter().map(share).filter(|reason| reason.share != 0.0).collect();
        reasons.sort_by(|a, b| b.share.abs().total_cmp(&a.share.abs()).then(a.liked.cmp(&b.liked)));
        reasons
    }
}

/// What a history weighs, by age: `(1 + age)^-power` where the newest has age 0. Power 0 makes all
/// the same.
pub fn recency(history: &[Item], power: f64) -> Vec<(Item, f64)> {
    let weigh = |(age, item): (usize, &Item)| (*item, (1.0 + age as f64).powf(-power));
    history.iter().rev().enumerate().map(weigh).collect()
}

/// The highest scores, highest first; of equal ones the lower item.
pub fn top(scores: &[f64], count: usize, allowed: impl Fn(Item) -> bool) -> Vec<(Item, f64)> {
    let mut best: Vec<(Item, f64)> = Vec::with_capacity(count + 1);
    for (item, score) in scores.iter().enumerate() {
        let full = best.len() == count;
        if (full && best.last().is_none_or(|(_, worst)| score <= worst)) || !allowed(item as Item) {
            continue;
        }
        let place = best.partition_point(|(_, better)| better >= score);
        best.insert(place, (item as Item, *score));
        best.truncate(count);
    }
    best
}

fn deviation(scores: &[f64]) -> f64 {
    let count = scores.len().max(1) as f64;
    let mean = scores.iter().sum::<f64>() / count;
    (scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / count).sqrt()
}
