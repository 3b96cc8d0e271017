//! The nearest of many vectors.

use std::collections::HashMap;
use std::hash::Hash;

use crate::vector::{DIMENSIONS, dot};
use crate::{Hit, Vector, best_first};

/// Looks at every vector: nothing is missed, and 10,000 of them take half a millisecond.
#[derive(Debug, Clone)]
pub struct Exact<I> {
    ids: Vec<I>,
    /// One vector after the other, in the order of `ids`.
    numbers: Vec<f32>,
    places: HashMap<I, usize>,
}

impl<I> Default for Exact<I> {
    fn default() -> Self {
        Self { ids: vec![], numbers: vec![], places: HashMap::new() }
    }
}

impl<I> Exact<I> {
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

impl<I: Copy + Ord + Hash> Exact<I> {
    /// Adds a vector, or replaces the one of that id.
    pub fn put(&mut self, id: I, vector: &Vector) {
        if let Some(place) = self.places.get(&id) {
            let start = place * DIMENSIONS;
            self.numbers[start..start + DIMENSIONS].copy_from_slice(vector.numbers());
            return;
        }
        self.places.insert(id, self.ids.len());
        self.ids.push(id);
        self.numbers.extend_from_slice(vector.numbers());
    }

    /// The last one takes its place.
    pub fn remove(&mut self, id: &I) {
        let Some(place) = self.places.remove(id) else { return };
        let last = (self.ids.len() - 1) * DIMENSIONS;
        self.numbers.copy_within(last.., place * DIMENSIONS);
        self.numbers.truncate(last);
        self.ids.swap_remove(place);
        if let Some(moved) = self.ids.get(place) {
            self.places.insert(*moved, place);
        }
    }

    pub fn contains(&self, id: &I) -> bool {
        self.places.contains_key(id)
    }

    pub fn get(&self, id: &I) -> Option<Vector> {
        let start = self.places.get(id)? * DIMENSIONS;
        Vector::new(&self.numbers[start..start + DIMENSIONS])
    }

    /// The nearest `limit`, nearest first, none of a cosine below `floor`.
    pub fn nearest(&self, to: &Vector, limit: usize, floor: f32) -> Vec<Hit<I>> {
        let rows = self.numbers.chunks_exact(DIMENSIONS);
        let scored = self
            .ids
            .iter()
            .zip(rows)
            .map(|(id, numbers)| Hit { id: *id, score: dot(numbers, to.numbers()) });
        let mut hits: Vec<Hit<I>> = scored.filter(|hit| hit.score >= floor).collect();
        best_first(&mut hits, limit);
        hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Directions in one plane, by their angle in degrees.
    fn at(degrees: f32) -> Vector {
        let mut numbers = vec![0.0; DIMENSIONS];
        (numbers[0], numbers[1]) = (degrees.to_radians().cos(), degrees.to_radians().sin());
        Vector::new(numbers).expect("a test")
    }

    fn found(index: &Exact<u8>, degrees: f32) -> Vec<u8> {
        index.nearest(&at(degrees), 2, -1.0).iter().map(|hit| hit.id).collect()
    }

    fn index() -> Exact<u8> {
        let mut index = Exact::default();
        for (id, degrees) in [(1, 0.0), (2, 30.0), (3, 60.0), (4, 90.0)] {
            index.put(id, &at(degrees));
        }
        index
    }

    #[test]
    fn the_nearest_come_first() {
        assert_eq!(found(&index(), 80.0), [4, 3]);
        assert_eq!(found(&index(), -10.0), [1, 2]);
    }

    #[test]
    fn what_is_not_near_enough_is_not_found() {
        let hits = index().nearest(&at(80.0), 9, 0.5);
        assert_eq!(hits.iter().map(|hit| hit.id).collect::<Vec<_>>(), [4, 3, 2]);
    }

    #[test]
    fn what_is_replaced_or_removed_is_not_found_where_it_was() {
        let mut index = index();
        index.put(4, &at(10.0));
        assert_eq!(found(&index, 80.0), [3, 2]);
        index.remove(&2);
        index.remove(&9);
        assert_eq!(found(&index, 80.0), [3, 4]);
        assert_eq!(index.len(), 3);
        assert!(index.get(&4).is_some_and(|vector| vector.cosine(&at(10.0)) > 0.999));
        assert_eq!((index.get(&2), index.contains(&2)), (None, false));
    }
}
