//! Copies and loans for tests.

use chrono::{DateTime, TimeZone, Utc};

use super::{Command, Copies, Event};
use crate::{
    AccountId,
    samples::{ada, at, middlemarch},
};

pub fn copies(copies: u32) -> Copies {
    copies.try_into().unwrap_or_else(|error| panic!("{error}"))
}

/// When what is borrowed on the day of [`at`] has to be back.
pub fn due_at() -> DateTime<Utc> {
    let end = Utc.with_ymd_and_hms(2026, 3, 23, 0, 0, 0).single();
    end.unwrap_or_else(|| panic!("this day exists"))
}

pub fn set_copies(number: u32) -> Command {
    Command::SetCopies { book: middlemarch(), copies: copies(number), at: at(0) }
}

pub fn borrow(reader: AccountId) -> Command {
    Command::Borrow { book: middlemarch(), reader, at: at(1) }
}

/// Not `return`, which is a word of Rust.
pub fn give_back(reader: AccountId) -> Command {
    Command::Return { book: middlemarch(), reader, at: at(2) }
}

pub fn copies_set(from: u32, to: u32) -> Event {
    Event::CopiesSet { book: middlemarch(), from: copies(from), to: copies(to), at: at(0) }
}

pub fn borrowed(reader: AccountId) -> Event {
    Event::BookBorrowed { book: middlemarch(), reader, due_at: due_at(), at: at(1) }
}

pub fn returned(reader: AccountId) -> Event {
    Event::BookReturned { book: middlemarch(), reader, at: at(2) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    vec![copies_set(0, 3), borrowed(ada()), returned(ada())]
}
