//! How rows are divided into what is known and what is to be found.

pub mod holdout;
pub mod prequential;
pub mod sar75;

use std::collections::BTreeMap;

use crate::histories::Item;

/// Somebody liked an item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    pub person: u32,
    pub item: Item,
    pub rating: f64,
    /// In seconds, or a place in order where there is no clock.
    pub time: i64,
}

/// Rows of a file, with people and items counted from 0 in the order of their ids.
#[derive(Debug, Clone, Default)]
pub struct Dataset {
    pub people: Vec<String>,
    pub items: Vec<String>,
    pub rows: Vec<Row>,
}

/// A row as it stands in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    pub person: String,
    pub item: String,
    pub rating: f64,
    pub time: i64,
}

impl Dataset {
    pub fn of(rows: &[Named]) -> Self {
        let people = numbered(rows.iter().map(|row| row.person.as_str()));
        let items = numbered(rows.iter().map(|row| row.item.as_str()));
        let rows = rows
            .iter()
            .map(|row| Row {
                person: people[&Id::of(&row.person)],
                item: items[&Id::of(&row.item)],
                rating: row.rating,
                time: row.time,
            })
            .collect();
        let names = |ids: BTreeMap<Id<'_>, u32>| ids.keys().map(|id| id.name.to_owned()).collect();
        Self { people: names(people), items: names(items), rows }
    }

    /// What each person liked, in the order of rows.
    pub fn by_person<'a>(&self, rows: impl IntoIterator<Item = &'a Row>) -> Vec<Vec<Item>> {
        let mut liked = vec![Vec::new(); self.people.len()];
        for row in rows {
            liked[row.person as usize].push(row.item);
        }
        liked
    }
}

/// As numbers where they are ones: 9 comes before 10, and both before texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Id<'a> {
    number: u64,
    name: &'a str,
}

impl<'a> Id<'a> {
    fn of(name: &'a str) -> Self {
        Self { number: name.parse().unwrap_or(u64::MAX), name }
    }
}

fn numbered<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<Id<'a>, u32> {
    let mut ids: BTreeMap<Id<'a>, u32> = names.map(|name| (Id::of(name), 0)).collect();
    ids.values_mut().zip(0..).for_each(|(number, place)| *number = place);
    ids
}
