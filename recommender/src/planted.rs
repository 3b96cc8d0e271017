//! People whose tastes are known, because we gave them to them: for tests that need no data from
//! outside, and for benchmarks of any size.

use crate::histories::{Histories, Item};
use crate::mt19937::Mt19937;

/// A made world. The same numbers make the same people.
#[derive(Debug, Clone, Copy)]
pub struct Planted {
    pub seed: u32,
    pub people: usize,
    pub items: usize,
    /// Item `i` is to the taste `i % tastes`, person `p` has the taste `p % tastes`.
    pub tastes: usize,
    /// What somebody likes on average: some like half as much, some twice.
    pub liked: usize,
    /// The share of likings that follow the person's taste.
    pub faithful: f64,
}

impl Planted {
    pub fn taste_of_item(&self, item: Item) -> usize {
        item as usize % self.tastes
    }

    pub fn taste_of_person(&self, person: usize) -> usize {
        person % self.tastes
    }

    pub fn histories(&self) -> Histories {
        let mut draws = Mt19937::seeded(self.seed);
        let mut histories = Histories::new(self.items);
        let mut known = vec![usize::MAX; self.items];
        for person in 0..self.people {
            // 2^(2u - 1) for u in [0, 1) has the mean 1.5 / (2 ln 2).
            let size = 2_f64.powf(2.0 * draws.next_f64() - 1.0) / 1.082;
            let wanted = ((self.liked as f64 * size) as usize).clamp(1, self.items / 2);
            let mut liked = Vec::with_capacity(wanted);
            while liked.len() < wanted {
                let item = self.draw(&mut draws, person);
                if known[item as usize] != person {
                    known[item as usize] = person;
                    liked.push(item);
                }
            }
            histories.push(&liked);
        }
        histories
    }

    /// Lower items are better known: the square of a uniform draw.
    fn draw(&self, draws: &mut Mt19937, person: usize) -> Item {
        let faithful = draws.next_f64() < self.faithful;
        let place = draws.next_f64().powi(2);
        let item = match faithful {
            true => {
                let of_taste = self.items / self.tastes;
                let nth = (place * of_taste as f64) as usize;
                nth * self.tastes + self.taste_of_person(person)
            }
            false => (place * self.items as f64) as usize,
        };
        item as Item
    }
}
