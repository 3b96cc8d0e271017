//! A share of each person's rows is held out: the last ones, or ones drawn.

use super::{Dataset, Row};
use crate::histories::{Histories, Item};
use crate::metrics::Split;
use crate::mt19937::Mt19937;

/// Which of a person's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Last,
    /// For rows without a time.
    Drawn {
        seed: u32,
    },
}

/// Rows in their order in time. A person keeps at least one, and gives one if they have two.
pub fn split(data: &Dataset, share: f64, which: Which) -> Split {
    let mut draws = match which {
        Which::Last => None,
        Which::Drawn { seed } => Some(Mt19937::seeded(seed)),
    };
    let mut train = Histories::new(data.items.len());
    let mut held_out = Vec::with_capacity(data.people.len());
    for mut liked in data.by_person(&in_time(&data.rows)) {
        if let Some(draws) = &mut draws {
            let mut drawn: Vec<(f64, u32)> =
                liked.iter().map(|item| (draws.next_f64(), *item)).collect();
            drawn.sort_by(|a, b| a.0.total_cmp(&b.0));
            liked = drawn.into_iter().map(|(_, item)| item).collect();
        }
        give(&mut train, &mut held_out, &liked, share);
    }
    Split { train, held_out }
}

/// The end of what is known held out in turn: to tune on, so that what was held out first is
/// measured on only once.
pub fn again(split: &Split, share: f64) -> Split {
    let mut train = Histories::new(split.train.items());
    let mut held_out = Vec::with_capacity(split.train.people());
    for liked in split.train.iter() {
        give(&mut train, &mut held_out, liked, share);
    }
    Split { train, held_out }
}

fn give(train: &mut Histories, held_out: &mut Vec<Vec<Item>>, liked: &[Item], share: f64) {
    let gives = ((liked.len() as f64 * share).round() as usize).max(1);
    let keeps = liked.len().saturating_sub(gives).max(1).min(liked.len());
    let mut given = liked[keeps..].to_vec();
    given.sort_unstable();
    train.push(&liked[..keeps]);
    held_out.push(given);
}

/// Known rows and rows held out by somebody else.
pub fn given(data: &Dataset, known: usize) -> Split {
    let (known, held_out) = data.rows.split_at(known);
    let train = Histories::of(data.items.len(), data.by_person(&in_time(known)));
    let mut held_out = data.by_person(held_out);
    held_out.iter_mut().for_each(|items| items.sort_unstable());
    Split { train, held_out }
}

fn in_time(rows: &[Row]) -> Vec<Row> {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| row.time);
    rows
}
