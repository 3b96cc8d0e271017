//! Exports for tests.

use super::{Command, Event};
use crate::ExportId;
use crate::samples::{ada, at, uuid};

pub fn export(number: u128) -> ExportId {
    uuid(0xe0 + number).into()
}

pub fn request(number: u128, second: i64) -> Command {
    Command::Request { account: ada(), export: export(number), at: at(second) }
}

pub fn complete(number: u128, second: i64) -> Command {
    Command::Complete { account: ada(), export: export(number), events: 7, at: at(second) }
}

pub fn requested(number: u128, second: i64) -> Event {
    Event::ExportRequested { account: ada(), export: export(number), at: at(second) }
}

pub fn completed(number: u128, second: i64) -> Event {
    Event::ExportCompleted { account: ada(), export: export(number), events: 7, at: at(second) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    vec![requested(1, 0), completed(1, 5)]
}
