//! Linear item models: what an item's score gains from each item of a profile.

use sha2::{Digest, Sha256};

use crate::histories::Item;

/// Weights from items of a profile (rows) to items that could be recommended.
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    /// The same for everybody, whatever they like.
    Constant(Vec<f64>),
    /// All weights, row by row.
    Dense {
        items: usize,
        weights: Vec<f32>,
    },
    Sparse(Sparse),
}

/// Only weights that are not zero, items ascending in each row.
#[derive(Debug, Clone, PartialEq)]
pub struct Sparse {
    starts: Vec<usize>,
    items: Vec<Item>,
    weights: Vec<f64>,
}

impl Model {
    pub fn items(&self) -> usize {
        match self {
            Self::Constant(scores) => scores.len(),
            Self::Dense { items, .. } => *items,
            Self::Sparse(sparse) => sparse.rows(),
        }
    }

    /// Of every item, for a profile of items with what each of them weighs.
    pub fn scores(&self, profile: &[(Item, f64)]) -> Vec<f64> {
        let mut scores = vec![0.0; self.items()];
        match self {
            Self::Constant(constant) => scores.copy_from_slice(constant),
            Self::Dense { items, weights } => {
                for (item, weight) in profile {
                    let row = &weights[*item as usize * items..][..*items];
                    for (score, gain) in scores.iter_mut().zip(row) {
                        *score += weight * f64::from(*gain);
                    }
                }
            }
            Self::Sparse(sparse) => {
                for (item, weight) in profile {
                    for (other, gain) in sparse.row(*item as usize) {
                        scores[other as usize] += weight * gain;
                    }
                }
            }
        }
        scores
    }

    /// How much `item` gains from `liked`, for each unit of weight.
    pub fn gain(&self, liked: Item, item: Item) -> f64 {
        match self {
            Self::Constant(_) => 0.0,
            Self::Dense { items, weights } => {
                f64::from(weights[liked as usize * items + item as usize])
            }
            Self::Sparse(sparse) => sparse.gain(liked as usize, item),
        }
    }

    /// Only the strongest weights towards each item. Most of a fitted model is noise around zero.
    pub fn strongest(&self, count: usize) -> Self {
        match self {
            Self::Constant(_) => self.clone(),
            Self::Dense { items, weights } => {
                let columns = (0..*items).map(|column| {
                    let weights = weights.iter().skip(column).step_by(*items);
                    strongest(weights.map(|weight| f64::from(*weight)).enumerate(), count)
                });
                Self::Sparse(Sparse::of(columns).transposed())
            }
            Self::Sparse(sparse) => {
                let columns = sparse.transposed();
                let kept = (0..columns.rows()).map(|column| {
                    let row = columns.row(column).map(|(item, weight)| (item as usize, weight));
                    strongest(row, count)
                });
                Self::Sparse(Sparse::of(kept).transposed())
            }
        }
    }

    /// The same weights between items that are now `names`, ascending, among `items`.
    pub fn renamed(&self, names: &[Item], items: usize) -> Self {
        let Self::Sparse(sparse) = self.strongest(names.len()) else {
            return self.clone();
        };
        let mut rows = vec![Vec::new(); items];
        for (row, name) in names.iter().enumerate() {
            let named = |(item, weight): (Item, f64)| (names[item as usize], weight);
            rows[*name as usize] = sparse.row(row).map(named).collect();
        }
        Self::Sparse(Sparse::of(rows))
    }

    /// SHA-256 of every weight at its place.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        hash.update((self.items() as u64).to_le_bytes());
        let mut bytes = Vec::new();
        let mut take = |weights: &mut dyn Iterator<Item = [u8; 8]>| {
            bytes.clear();
            bytes.extend(weights.flatten());
            hash.update(&bytes);
        };
        match self {
            Self::Constant(scores) => take(&mut scores.iter().map(|score| score.to_le_bytes())),
            Self::Dense { weights, .. } => {
                for row in weights.chunks(self.items().max(1)) {
                    take(&mut row.iter().map(|weight| f64::from(*weight).to_le_bytes()));
                }
            }
            Self::Sparse(sparse) => {
                for row in 0..sparse.rows() {
                    take(&mut sparse.row(row).flat_map(|(item, weight)| {
                        [u64::from(item).to_le_bytes(), weight.to_le_bytes()]
                    }));
                }
            }
        }
        hex::encode(hash.finalize())
    }
}

impl Sparse {
    /// Rows of items and weights, items ascending.
    pub fn of(rows: impl IntoIterator<Item = Vec<(Item, f64)>>) -> Self {
        let mut sparse = Self { starts: vec![0], items: Vec::new(), weights: Vec::new() };
        for row in rows {
            for (item, weight) in row {
                sparse.items.push(item);
                sparse.weights.push(weight);
            }
            sparse.starts.push(sparse.items.len());
        }
        sparse
    }

    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn row(&self, row: usize) -> impl Iterator<Item = (Item, f64)> {
        let range = self.starts[row]..self.starts[row + 1];
        self.items[range.clone()].iter().copied().zip(self.weights[range].iter().copied())
    }

    fn gain(&self, row: usize, item: Item) -> f64 {
        let start = self.starts[row];
        let found = self.items[start..self.starts[row + 1]].binary_search(&item);
        found.map_or(0.0, |place| self.weights[start + place])
    }

    /// Rows become columns; as many of one as of the other.
    fn transposed(&self) -> Self {
        let mut starts = vec![0; self.rows() + 1];
        for item in &self.items {
            starts[*item as usize + 1] += 1;
        }
        for row in 0..self.rows() {
            starts[row + 1] += starts[row];
        }
        let mut next = starts.clone();
        let (mut items, mut weights) = (vec![0; self.items.len()], vec![0.0; self.items.len()]);
        for row in 0..self.rows() {
            for (item, weight) in self.row(row) {
                let place = &mut next[item as usize];
                (items[*place], weights[*place]) = (row as Item, weight);
                *place += 1;
            }
        }
        Self { starts, items, weights }
    }
}

/// The weights furthest from zero, ascending by item; of equal ones those of lower items.
pub(crate) fn strongest(
    weights: impl Iterator<Item = (usize, f64)>,
    count: usize,
) -> Vec<(Item, f64)> {
    let mut weights: Vec<(Item, f64)> = weights
        .filter(|(_, weight)| *weight != 0.0)
        .map(|(item, weight)| (item as Item, weight))
        .collect();
    if count < weights.len() {
        weights.select_nth_unstable_by(count, |a, b| {
            b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0))
        });
        weights.truncate(count);
        weights.sort_unstable_by_key(|(item, _)| *item);
    }
    weights
}
