//! Models without a fit: how much the people of two items are the same.

use std::sync::Mutex;

use crate::counts::Counts;
use crate::histories::{Histories, Item, counted};
use crate::model::{Model, Sparse, strongest};

/// The number of people who like each item: the list that is the same for everybody.
pub fn popularity(histories: &Histories) -> Model {
    let mut people = vec![0.0; histories.items()];
    histories.iter().flatten().for_each(|item| people[*item as usize] += 1.0);
    Model::Constant(people)
}

/// SAR's default: people who like both, of those who like either.
pub fn jaccard(counts: &Counts) -> Model {
    of_counts(counts, |one, other, both| both / (one + other - both))
}

/// People who like both, divided by the geometric mean of those who like one and the other.
pub fn cosine(counts: &Counts) -> Model {
    of_counts(counts, |one, other, both| both / (one * other).sqrt())
}

/// Every two items that somebody likes both of, and an item with itself.
fn of_counts(counts: &Counts, similarity: impl Fn(f64, f64, f64) -> f64) -> Model {
    let people: Vec<f64> = (0..counts.items()).map(|item| counts.people(item).into()).collect();
    let rows = (0..counts.items()).map(|one| {
        let together = (0..counts.items()).filter_map(|other| {
            let both = counts.together(one, other);
            let similarity = similarity(people[one], people[other], both.into());
            (both > 0).then_some((other as Item, similarity))
        });
        together.collect()
    });
    Model::Sparse(Sparse::of(rows))
}

/// What makes an item another's neighbour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Nearness {
    /// Cosine; `shrink` is added below the line, so that few people in common prove little.
    Cosine { shrink: f64 },
    /// BM25: somebody is a text whose words are what they like. Who likes much says little about
    /// each, and an item that many like says little about anybody.
    Bm25 { k1: f64, b: f64 },
}

/// Each item with its `count` nearest.
pub fn nearest(histories: &Histories, nearness: Nearness, count: usize, workers: usize) -> Model {
    let items = histories.items();
    let mut people_of = vec![Vec::new(); items];
    for (person, liked) in histories.iter().enumerate() {
        counted(liked).iter().for_each(|item| people_of[*item as usize].push(person));
    }
    let sizes: Vec<f64> = people_of.iter().map(|people| people.len() as f64).collect();
    let average = histories.pairs() as f64 / histories.people().max(1) as f64;
    let said: Vec<f64> = histories
        .iter()
        .map(|liked| match nearness {
            Nearness::Cosine { .. } => 1.0,
            // Squared, as it is in both of the two items.
            Nearness::Bm25 { k1, b } => {
                let length = 1.0 - b + b * liked.len() as f64 / average;
                ((k1 + 1.0) / (k1 * length + 1.0)).powi(2)
            }
        })
        .collect();
    let rarity = |item: usize| (histories.people() as f64).ln() - sizes[item].ln_1p();
    let row_of = |item: usize| {
        let mut row = vec![0.0; items];
        for person in &people_of[item] {
            for other in counted(histories.of_person(*person)) {
                row[*other as usize] += said[*person];
            }
        }
        row[item] = 0.0;
        for (other, both) in row.iter_mut().enumerate().filter(|(_, both)| **both > 0.0) {
            *both = match nearness {
                Nearness::Cosine { shrink } => {
                    *both / ((sizes[item] * sizes[other]).sqrt() + shrink)
                }
                Nearness::Bm25 { .. } => *both * rarity(item) * rarity(other),
            };
        }
        strongest(row.into_iter().enumerate(), count)
    };
    let rows = Mutex::new(vec![Vec::new(); items]);
    let next = Mutex::new(0..items);
    std::thread::scope(|scope| {
        for _ in 0..workers.max(1) {
            scope.spawn(|| {
                while let Some(item) = next.lock().ok().and_then(|mut next| next.next()) {
                    let row = row_of(item);
                    if let Ok(mut rows) = rows.lock() {
                        rows[item] = row;
                    }
                }
            });
        }
    });
    Model::Sparse(Sparse::of(rows.into_inner().unwrap_or_default()))
}
