//! Counts that follow what people do, one step at a time.

use std::collections::BTreeMap;

use crate::counts::Counts;
use crate::histories::{Histories, Item, counted};

/// What everybody likes, and the counts of it. A function of what is liked now: how it came to be
/// liked makes no difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likings {
    /// With the position of the liking, oldest first.
    people: BTreeMap<u128, Vec<(i64, Item)>>,
    counts: Counts,
}

impl Likings {
    pub fn none(items: usize) -> Self {
        Self { people: BTreeMap::new(), counts: Counts::none(items) }
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// In the order of people.
    pub fn histories(&self) -> Histories {
        let items = |history: &Vec<(i64, Item)>| -> Vec<Item> {
            history.iter().map(|(_, item)| *item).collect()
        };
        Histories::of(self.counts.items(), self.people.values().map(items))
    }

    /// Liking again moves the item to its newest position.
    pub fn add(&mut self, person: u128, item: Item, position: i64) {
        self.change(person, |history| {
            let before = history.iter().position(|(_, liked)| *liked == item);
            let before = before.map_or(i64::MIN, |place| history.remove(place).0);
            let new = (position.max(before), item);
            history.insert(history.partition_point(|liked| *liked < new), new);
        });
    }

    pub fn remove(&mut self, person: u128, item: Item) {
        self.change(person, |history| history.retain(|(_, liked)| *liked != item));
    }

    /// As if there had never been such a person.
    pub fn forget(&mut self, person: u128) {
        self.change(person, Vec::clear);
    }

    /// Takes out of the counts what no longer counts and puts in what counts from now on: one more
    /// liking can push an older one out, and one less can bring it back.
    fn change(&mut self, person: u128, change: impl FnOnce(&mut Vec<(i64, Item)>)) {
        let history = self.people.entry(person).or_default();
        let mut counting = sorted(history);
        change(history);
        let after = sorted(history);
        if history.is_empty() {
            self.people.remove(&person);
        }
        let gone: Vec<Item> = difference(&counting, &after);
        let come: Vec<Item> = difference(&after, &counting);
        for item in gone {
            counting.retain(|counted| *counted != item);
            self.counts.remove(&counting, item);
        }
        for item in come {
            self.counts.add(&counting, item);
            counting.push(item);
        }
    }
}

fn sorted(history: &[(i64, Item)]) -> Vec<Item> {
    let mut items: Vec<Item> = counted(history).iter().map(|(_, item)| *item).collect();
    items.sort_unstable();
    items
}

/// What is in `these` and not in `those`, both ascending.
fn difference(these: &[Item], those: &[Item]) -> Vec<Item> {
    these.iter().copied().filter(|item| those.binary_search(item).is_err()).collect()
}
