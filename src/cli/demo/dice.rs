//! Chance that is the same every time.
//!
//! Not from the `rand` crate: its generators may change between versions, and then a second
//! `daybook demo` would mean other people than the first.

/// The splitmix64 generator (Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        // The lowest numbers come up more often by at most one in 2^50: nobody will notice.
        (self.next() % end as u64) as usize
    }

    pub fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    /// Some of `among`, each at most once, in an order of chance.
    pub fn some<T: Clone>(&mut self, among: &[T], count: usize) -> Vec<T> {
        let mut rest = among.to_vec();
        let mut chosen = Vec::with_capacity(count.min(rest.len()));
        while chosen.len() < count && !rest.is_empty() {
            chosen.push(rest.swap_remove(self.below(rest.len())));
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same_numbers_in_every_release() {
        let mut dice = Dice::new(7);
        let thrown: Vec<_> = (0..5).map(|_| dice.below(1000)).collect();
        assert_eq!(thrown, [487, 804, 346, 203, 674]);
    }

    #[test]
    fn some_of_few_is_all_of_them_once() {
        let mut some = Dice::new(1).some(&[1, 2, 3], 9);
        some.sort_unstable();
        assert_eq!(some, [1, 2, 3]);
    }
}
