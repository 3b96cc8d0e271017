//! How many people like each item, and how many like each two of them.
//!
//! Integers, added up: neither the order of people nor the size of batches nor the number of
//! workers can make a difference, and what a person added can be taken out again without a trace.

use std::sync::Mutex;

use sha2::{Digest, Sha256};

use crate::histories::{Histories, Item, counted};

/// The lower triangle with its diagonal, row by row: four bytes for each two of the items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    items: usize,
    together: Vec<u32>,
}

impl Counts {
    pub fn none(items: usize) -> Self {
        Self { items, together: vec![0; items * (items + 1) / 2] }
    }

    /// Of whole histories. Row by row, so that what is being added to stays in the cache.
    pub fn of(histories: &Histories, workers: usize) -> Self {
        let mut counts = Self::none(histories.items());
        let ascending: Vec<Vec<Item>> = histories.iter().map(ascending).collect();
        let mut people_of = vec![Vec::new(); histories.items()];
        for (person, liked) in ascending.iter().enumerate() {
            for item in liked {
                people_of[*item as usize].push(person);
            }
        }
        let mut rows = Vec::with_capacity(counts.items);
        let mut rest = counts.together.as_mut_slice();
        for item in 0..counts.items {
            let (row, below) = rest.split_at_mut(item + 1);
            rows.push((item, row));
            rest = below;
        }
        // Longest first, so that nobody is left with a long one at the end.
        let rows = Mutex::new(rows);
        let next = || rows.lock().ok()?.pop();
        std::thread::scope(|scope| {
            for _ in 0..workers.max(1) {
                scope.spawn(|| {
                    while let Some((item, row)) = next() {
                        for person in &people_of[item] {
                            add_up(row, &ascending[*person]);
                        }
                    }
                });
            }
        });
        counts
    }

    pub fn items(&self) -> usize {
        self.items
    }

    /// People who like both; of an item and itself, people who like it.
    pub fn together(&self, one: usize, other: usize) -> u32 {
        self.together[place(one, other)]
    }

    pub fn people(&self, item: usize) -> u32 {
        self.together(item, item)
    }

    /// SHA-256 of the number of items and of all counts.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        hash.update((self.items as u64).to_le_bytes());
        let mut bytes = Vec::new();
        for counts in self.together.chunks(16 * 1024) {
            bytes.clear();
            bytes.extend(counts.iter().flat_map(|count| count.to_le_bytes()));
            hash.update(&bytes);
        }
        hex::encode(hash.finalize())
    }
}

fn place(one: usize, other: usize) -> usize {
    let (low, high) = (one.min(other), one.max(other));
    high * (high + 1) / 2 + low
}

fn ascending(history: &[Item]) -> Vec<Item> {
    let mut items = counted(history).to_vec();
    items.sort_unstable();
    items.dedup();
    items
}

fn add_up(row: &mut [u32], liked: &[Item]) {
    for item in liked {
        match row.get_mut(*item as usize) {
            Some(count) => *count += 1,
            // They ascend: the others are beyond the diagonal too.
            None => break,
        }
    }
}
