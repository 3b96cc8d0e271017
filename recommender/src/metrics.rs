//! How good lists are, measured at their first ten.

use std::sync::Mutex;

use crate::histories::{Histories, Item};
use crate::scorer::{Scorer, top};

/// Lists are measured at this length.
pub const LENGTH: usize = 10;

/// Means over people with something held out.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Metrics {
    /// Precision at each hit, summed, of all that was held out.
    pub map: f64,
    pub ndcg: f64,
    pub precision: f64,
    pub recall: f64,
    /// The share of people with a hit at all.
    pub hit_rate: f64,
    pub people: usize,
}

impl Metrics {
    /// One person's list. `held_out` is ascending.
    pub fn of_list(list: &[Item], held_out: &[Item]) -> Self {
        let (mut hits, mut map, mut gain) = (0.0, 0.0, 0.0);
        for (rank, item) in list.iter().enumerate() {
            if held_out.binary_search(item).is_ok() {
                hits += 1.0;
                map += hits / (rank + 1) as f64;
                gain += discount(rank);
            }
        }
        let ideal: f64 = (0..held_out.len().min(LENGTH)).map(discount).sum();
        Self {
            map: map / held_out.len() as f64,
            ndcg: gain / ideal,
            precision: hits / LENGTH as f64,
            recall: hits / held_out.len() as f64,
            hit_rate: f64::from(hits > 0.0),
            people: 1,
        }
    }

    /// In the order given, so that sums are the same every time.
    pub fn mean(of_people: impl IntoIterator<Item = Self>) -> Self {
        let mut sum = Self::default();
        for one in of_people {
            sum.map += one.map;
            sum.ndcg += one.ndcg;
            sum.precision += one.precision;
            sum.recall += one.recall;
            sum.hit_rate += one.hit_rate;
            sum.people += one.people;
        }
        let people = sum.people.max(1) as f64;
        Self {
            map: sum.map / people,
            ndcg: sum.ndcg / people,
            precision: sum.precision / people,
            recall: sum.recall / people,
            hit_rate: sum.hit_rate / people,
            people: sum.people,
        }
    }
}

fn discount(rank: usize) -> f64 {
    1.0 / (rank as f64 + 2.0).log2()
}

/// What is known of people, and what was held out.
#[derive(Debug, Clone)]
pub struct Split {
    pub train: Histories,
    /// Of each person, ascending.
    pub held_out: Vec<Vec<Item>>,
}

impl Split {
    /// Ranks, for everybody with something held out, all that is not in their history.
    pub fn evaluate(
        &self,
        scorer: &Scorer,
        profile: impl Fn(usize) -> Vec<(Item, f64)> + Sync,
        workers: usize,
    ) -> Metrics {
        let of_person = |person: usize| {
            let mut known = vec![false; self.train.items()];
            for item in self.train.of_person(person) {
                known[*item as usize] = true;
            }
            let profile = profile(person);
            let scores = scorer.scores(&profile);
            let list = top(scores.of_items(), LENGTH, |item| !known[item as usize]);
            let list: Vec<Item> = list.into_iter().map(|(item, _)| item).collect();
            Metrics::of_list(&list, &self.held_out[person])
        };
        let tested = (0..self.train.people()).filter(|person| !self.held_out[*person].is_empty());
        Metrics::mean(in_parallel(tested, workers, of_person))
    }
}

/// The results of `work`, in the order of what was asked.
pub(crate) fn in_parallel<A: Send, R: Send>(
    asked: impl Iterator<Item = A> + Send,
    workers: usize,
    work: impl Fn(A) -> R + Sync,
) -> Vec<R> {
    let next = Mutex::new(asked.enumerate());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..workers.max(1) {
            scope.spawn(|| {
                while let Some((place, asked)) = next.lock().ok().and_then(|mut next| next.next()) {
                    let result = work(asked);
                    if let Ok(mut done) = done.lock() {
                        done.push((place, result));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}
