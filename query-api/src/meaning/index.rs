//! Vectors of items, with what of them decides who may be found.

use std::collections::{HashMap, HashSet};

use domain::ItemId;
use processes::texts::{Described, TextHash};
use retrieval::{Exact, Hit, Vector, VectorIndex};

use super::COSINE_MIN;

/// A passage may be near that belongs to an item already found: so many are looked at for each item.
const PASSAGES_FOR_ITEM: usize = 3;

/// One of an item's texts: 0 is the item itself, then come passages of a course's lessons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Place {
    item: ItemId,
    part: usize,
}

/// What filters look at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    pub labels: Vec<String>,
    pub audience: Option<String>,
    /// In minor units, and the currency.
    pub price: Option<(i64, String)>,
    parts: usize,
}

#[derive(Default)]
pub(super) struct Index {
    vectors: Exact<Place>,
    facts: HashMap<ItemId, Facts>,
    /// Texts that have no vector so far.
    lacking: HashMap<Place, TextHash>,
    generation: u64,
}

impl Index {
    /// Another one for each state: what was found in one need not be found in the next.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// How many texts have a vector, of how many.
    pub fn counts(&self) -> (usize, usize) {
        (self.vectors.len(), self.vectors.len() + self.lacking.len())
    }

    /// As it is described now. Its texts lack their vectors until [`Index::put`] brings them.
    pub fn describe(&mut self, described: Vec<Described>) {
        self.generation += 1;
        for Described { item, shown, labels, audience, price, texts } in described {
            self.remove(&item);
            if shown {
                let parts = texts.len();
                self.facts.insert(item, Facts { labels, audience, price, parts });
                let places = (0..parts).map(|part| Place { item, part });
                self.lacking.extend(places.zip(texts));
            }
        }
    }

    pub fn forget(&mut self, items: &[ItemId]) {
        self.generation += 1;
        for item in items {
            self.remove(item);
        }
    }

    fn remove(&mut self, item: &ItemId) {
        let parts = self.facts.remove(item).map_or(0, |facts| facts.parts);
        for place in (0..parts).map(|part| Place { item: *item, part }) {
            self.vectors.remove(&place);
            self.lacking.remove(&place);
        }
    }

    /// Texts without a vector, each once.
    pub fn lacking(&self) -> Vec<TextHash> {
        let different: HashSet<TextHash> = self.lacking.values().copied().collect();
        different.into_iter().collect()
    }

    pub fn put(&mut self, vectors: &HashMap<TextHash, Vector>) {
        if vectors.is_empty() {
            return;
        }
        self.generation += 1;
        let known = &mut self.vectors;
        self.lacking.retain(|place, hash| match vectors.get(hash) {
            Some(vector) => {
                known.put(*place, vector);
                false
            }
            None => true,
        });
    }

    pub fn of(&self, item: &ItemId) -> Option<Vector> {
        self.vectors.get(&Place { item: *item, part: 0 })
    }

    pub fn nearest(
        &self,
        to: &Vector,
        limit: usize,
        admits: &dyn Fn(&ItemId, &Facts) -> bool,
    ) -> Vec<Hit<ItemId>> {
        let is_admitted = |place: &Place| {
            self.facts.get(&place.item).is_some_and(|facts| admits(&place.item, facts))
        };
        let mut found = HashSet::new();
        let passages = self.vectors.nearest(to, limit * PASSAGES_FOR_ITEM, &is_admitted);
        passages
            .into_iter()
            .take_while(|hit| hit.score >= COSINE_MIN)
            .filter(|hit| found.insert(hit.id.item))
            .map(|hit| Hit { id: hit.id.item, score: hit.score })
            .take(limit)
            .collect()
    }
}
