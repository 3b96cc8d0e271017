//! An operator at work, for tests.

use super::{Command, Event};
use crate::{Name, Text, samples::at};

pub fn item_ratings() -> Name {
    "item_ratings".parse().expect("it is a name")
}

/// What the errors of some parked events have in common.
pub fn group() -> Name {
    "0cc175b9c0f1".parse().expect("it is a name")
}

fn reason() -> Text {
    "a typing error of the importer".parse().expect("it is a text")
}

pub fn paused() -> Event {
    Event::ProjectionPaused { projection: item_ratings(), at: at(0) }
}

pub fn resumed() -> Event {
    Event::ProjectionResumed { projection: item_ratings(), at: at(1) }
}

pub fn discarded(position: i64) -> Event {
    Event::ParkedEventDiscarded {
        projection: item_ratings(),
        position,
        reason: reason(),
        at: at(2),
    }
}

pub fn group_discarded(positions: &[i64]) -> Event {
    let (projection, positions) = (item_ratings(), positions.to_vec());
    Event::ParkedGroupDiscarded {
        projection,
        group: group(),
        positions,
        reason: reason(),
        at: at(2),
    }
}

pub fn pause() -> Command {
    Command::Pause { projection: item_ratings(), at: at(0) }
}

pub fn resume() -> Command {
    Command::Resume { projection: item_ratings(), at: at(1) }
}

pub fn discard(position: i64) -> Command {
    Command::DiscardParked { projection: item_ratings(), position, reason: reason(), at: at(2) }
}

pub fn discard_group(positions: &[i64]) -> Command {
    let (projection, positions) = (item_ratings(), positions.to_vec());
    Command::DiscardGroup { projection, group: group(), positions, reason: reason(), at: at(2) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    vec![
        Event::ProjectionRebuildRequested { projection: item_ratings(), at: at(0) },
        Event::ProjectionVerificationRequested { projection: item_ratings(), at: at(0) },
        paused(),
        resumed(),
        Event::ParkedEventsRetried { projection: item_ratings(), events: 3, first: 7, at: at(1) },
        Event::ParkedGroupRetried {
            projection: item_ratings(),
            group: group(),
            events: 3,
            first: 7,
            at: at(1),
        },
        discarded(7),
        group_discarded(&[7, 9]),
    ]
}
