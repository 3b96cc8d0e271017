//! The rows once more in order of time: before each is known, is it in the list of that moment?

use super::{Dataset, Row};
use crate::histories::{Histories, Item};
use crate::metrics::{LENGTH, Metrics, in_parallel};
use crate::model::Model;
use crate::scorer::{Scorer, recency, top};
use crate::similarity::popularity;

/// How a replay goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Replay {
    /// So many rows come first, without being asked for.
    pub warm_up: usize,
    /// The model is fitted anew after so many rows.
    pub refit_every: usize,
    /// Profiles are those of the moment, or of the last refit.
    pub live: bool,
    /// Of [`recency`].
    pub power: f64,
    pub workers: usize,
}

impl Default for Replay {
    fn default() -> Self {
        Self { warm_up: 50_000, refit_every: 5_000, live: true, power: 1.0, workers: 1 }
    }
}

/// Somebody's history, and how much of it makes their profile.
struct Asked {
    history: Vec<Item>,
    used: usize,
}

impl Replay {
    /// Hit rate and nDCG over all rows after the warm-up.
    pub fn run<E>(
        &self,
        data: &Dataset,
        fit: impl Fn(&Histories) -> Result<Scorer, E>,
    ) -> Result<Metrics, E> {
        let mut rows = data.rows.clone();
        rows.sort_by_key(|row| row.time);
        let (first, later) = rows.split_at(self.warm_up.min(rows.len()));
        let mut known = data.by_person(first);
        let mut found = Vec::with_capacity(later.len());
        for stretch in later.chunks(self.refit_every.max(1)) {
            let histories = Histories::of(data.items.len(), &known);
            let (scorer, popular) = (fit(&histories)?, popularity(&histories));
            let asked = self.asked(&mut known, stretch);
            let of_row = |(asked, row): (Asked, &Row)| self.found(&scorer, &popular, &asked, row);
            found.extend(in_parallel(asked.into_iter().zip(stretch), self.workers, of_row));
        }
        Ok(Metrics::mean(found))
    }

    /// What is known of each row's person before it.
    fn asked(&self, known: &mut [Vec<Item>], stretch: &[Row]) -> Vec<Asked> {
        let old: Vec<usize> = known.iter().map(Vec::len).collect();
        let of_row = |row: &Row| {
            let person = row.person as usize;
            let history = known[person].clone();
            known[person].push(row.item);
            let used = if self.live { history.len() } else { old[person] };
            Asked { history, used }
        };
        stretch.iter().map(of_row).collect()
    }

    fn found(&self, scorer: &Scorer, popular: &Model, asked: &Asked, row: &Row) -> Metrics {
        let mut known = vec![false; scorer.items()];
        asked.history.iter().for_each(|item| known[*item as usize] = true);
        let profile = recency(&asked.history[..asked.used], self.power);
        // Who is new gets the list for everybody, as they would.
        let scores = match profile.is_empty() {
            true => popular.scores(&profile),
            false => scorer.scores(&profile).of_items().to_vec(),
        };
        let list = top(&scores, LENGTH, |item| !known[item as usize]);
        let list: Vec<Item> = list.into_iter().map(|(item, _)| item).collect();
        Metrics::of_list(&list, &[row.item])
    }
}
