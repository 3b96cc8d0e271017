//! Three quarters of each item's rows are known, drawn so that everybody draws the same.

use super::{Dataset, Row};
use crate::histories::Histories;
use crate::metrics::Split;
use crate::mt19937::Mt19937;

const SEED: u32 = 42;
const KNOWN: f64 = 0.75;
const HALF_LIFE_DAYS: f64 = 30.0;

/// The split, and the rows that are known.
pub fn split(data: &Dataset) -> (Split, Vec<Row>) {
    let mut draws = Mt19937::seeded(SEED);
    let mut drawn: Vec<(f64, &Row)> = data.rows.iter().map(|row| (draws.next_f64(), row)).collect();
    drawn.sort_by(|a, b| a.1.item.cmp(&b.1.item).then(a.0.total_cmp(&b.0)));
    let (mut known, mut held_out) = (Vec::new(), Vec::new());
    for of_item in drawn.chunk_by(|a, b| a.1.item == b.1.item) {
        let keep = (KNOWN * of_item.len() as f64).round_ties_even() as usize;
        known.extend(of_item[..keep].iter().map(|(_, row)| **row));
        held_out.extend(of_item[keep..].iter().map(|(_, row)| **row));
    }
    // Known rows go on as they stood in the file: a profile is in order of time.
    known.sort_by_key(|row| row.time);
    let train = Histories::of(data.items.len(), data.by_person(&known));
    let mut held_out = data.by_person(&held_out);
    held_out.iter_mut().for_each(|items| items.sort_unstable());
    (Split { train, held_out }, known)
}

/// SAR's profile: the rating, halved for every thirty days before the newest known row.
pub fn affinities(data: &Dataset, known: &[Row]) -> Vec<Vec<(u32, f64)>> {
    let newest = known.iter().map(|row| row.time).max().unwrap_or_default();
    let mut profiles = vec![Vec::new(); data.people.len()];
    for row in known {
        let days = (newest - row.time) as f64 / 86_400.0;
        let weight = row.rating * 0.5_f64.powf(days / HALF_LIFE_DAYS);
        profiles[row.person as usize].push((row.item, weight));
    }
    profiles
}
