//! Dismissals for tests.

use super::{Command, DismissalId, Event};
use crate::samples::{ada, at, middlemarch};

pub fn dismissal() -> DismissalId {
    DismissalId { reader: ada(), item: middlemarch().into() }
}

pub fn dismiss() -> Command {
    Command::Dismiss { dismissal: dismissal(), at: at(0) }
}

pub fn take_back() -> Command {
    Command::TakeBack { dismissal: dismissal(), at: at(1) }
}

pub fn dismissed() -> Event {
    Event::RecommendationDismissed { dismissal: dismissal(), at: at(0) }
}

pub fn taken_back() -> Event {
    Event::DismissalTakenBack { dismissal: dismissal(), at: at(1) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    vec![dismissed(), taken_back()]
}
