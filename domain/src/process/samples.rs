//! An operator at work, for tests.

use super::{Command, Event};
use crate::samples::{at, order};
use crate::{Name, Text};

pub fn fulfilment() -> Name {
    "fulfilment".parse().expect("it is a name")
}

fn instance() -> Text {
    order(1).to_string().parse().expect("it is a text")
}

pub fn retried() -> Event {
    Event::ProcessInstanceRetried {
        process: fulfilment(),
        instance: instance(),
        position: 7,
        at: at(0),
    }
}

pub fn retry() -> Command {
    Command::Retry { process: fulfilment(), instance: instance(), position: 7, at: at(0) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    vec![retried()]
}
