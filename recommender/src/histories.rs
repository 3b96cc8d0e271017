//! Who liked what, oldest first.

/// An item by its place among all items; where scores are equal the lower one comes first.
pub type Item = u32;

/// So many newest likings of a person count. Each is counted together with each, so that somebody
/// without a limit (a bot) would cost the square of what they like.
pub const HISTORY_MAX: usize = 1_000;

/// What each person liked, oldest first, nothing twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histories {
    items: usize,
    /// Where each person begins in `liked`, and where the last one ends.
    starts: Vec<usize>,
    liked: Vec<Item>,
}

impl Histories {
    /// Every item is below `items`.
    pub fn new(items: usize) -> Self {
        Self { items, starts: vec![0], liked: Vec::new() }
    }

    pub fn of(items: usize, people: impl IntoIterator<Item = impl AsRef<[Item]>>) -> Self {
        let mut histories = Self::new(items);
        people.into_iter().for_each(|liked| histories.push(liked.as_ref()));
        histories
    }

    /// One person more.
    ///
    /// # Panics
    /// If an item is not below `items`.
    pub fn push(&mut self, liked: &[Item]) {
        assert!(liked.iter().all(|item| (*item as usize) < self.items), "an item out of range");
        self.liked.extend_from_slice(liked);
        self.starts.push(self.liked.len());
    }

    pub fn items(&self) -> usize {
        self.items
    }

    pub fn people(&self) -> usize {
        self.starts.len() - 1
    }

    /// Pairs of person and item.
    pub fn pairs(&self) -> usize {
        self.liked.len()
    }

    pub fn of_person(&self, person: usize) -> &[Item] {
        &self.liked[self.starts[person]..self.starts[person + 1]]
    }

    /// Only these items, which are counted anew in their order here.
    pub fn only(&self, items: &[Item]) -> Self {
        let mut places = vec![None; self.items];
        (0..).zip(items).for_each(|(place, item)| places[*item as usize] = Some(place));
        let kept = |liked: &[Item]| -> Vec<Item> {
            liked.iter().filter_map(|item| places[*item as usize]).collect()
        };
        Self::of(items.len(), self.iter().map(kept))
    }

    pub fn iter(&self) -> impl Iterator<Item = &[Item]> {
        self.starts.windows(2).map(|ends| &self.liked[ends[0]..ends[1]])
    }
}

/// The part of a history that counts.
pub fn counted<T>(history: &[T]) -> &[T] {
    &history[history.len().saturating_sub(HISTORY_MAX)..]
}
