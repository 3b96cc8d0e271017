//! Lists for tests.

use chrono::NaiveDate;

use super::{Command, Event, List, Lists, Period, Ranked};
use crate::ItemKind;
use crate::samples::{at, text, uuid};

/// The first of March 2026, and so many days after it.
pub fn day(number: u64) -> NaiveDate {
    at(0).date_naive() + chrono::Days::new(number)
}

/// Books by number, best first, liked less and less.
pub fn list(genre: Option<&str>, books: &[u128]) -> List {
    let ranked = |(place, book): (usize, &u128)| Ranked {
        id: uuid(*book),
        score: 9.5 - place as f64 / 4.0,
        ratings: 3,
    };
    List { genre: genre.map(text), items: books.iter().enumerate().map(ranked).collect() }
}

pub fn of_books(period: Period, lists: Vec<List>) -> Lists {
    Lists { kind: ItemKind::Book, period, lists }
}

pub fn fix(day: NaiveDate, lists: Vec<Lists>) -> Command {
    Command::Fix { day, lists, at: at(0) }
}

pub fn fixed(day: NaiveDate, lists: Lists) -> Event {
    Event::WeeklyListsFixed { day, fixed: lists, at: at(0) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    let lists = vec![list(None, &[1, 2, 3]), list(Some("classics"), &[2, 3])];
    vec![fixed(day(0), of_books(Period::Week, lists))]
}
