//! Notifications for tests.

use super::{Command, Event, Message, NotificationId};
use crate::ErrorText;
use crate::account::Channel;
use crate::samples::{ada, at};

pub fn notification() -> NotificationId {
    NotificationId { cause: 7, recipient: ada(), channel: Channel::Email }
}

pub fn refused() -> ErrorText {
    ErrorText::from("451 try again later".to_owned())
}

pub fn request() -> Command {
    Command::Request { notification: notification(), message: Message::Welcome, at: at(0) }
}

pub fn mark_sent() -> Command {
    Command::MarkSent { notification: notification(), at: at(3) }
}

pub fn mark_failed() -> Command {
    Command::MarkFailed {
        notification: notification(),
        error: refused(),
        retry_at: at(2),
        at: at(1),
    }
}

pub fn give_up() -> Command {
    Command::GiveUp { notification: notification(), error: refused(), at: at(4) }
}

pub fn retry() -> Command {
    Command::Retry { notification: notification(), at: at(6) }
}

pub fn cancel() -> Command {
    Command::Cancel { notification: notification(), at: at(5) }
}

pub fn requested() -> Event {
    Event::NotificationRequested {
        notification: notification(),
        message: Message::Welcome,
        at: at(0),
    }
}

pub fn failed(attempt: u32) -> Event {
    Event::NotificationFailed {
        notification: notification(),
        attempt,
        error: refused(),
        retry_at: at(2),
        at: at(1),
    }
}

pub fn sent(attempt: u32) -> Event {
    Event::NotificationSent { notification: notification(), attempt, at: at(3) }
}

pub fn given_up(attempt: u32) -> Event {
    Event::NotificationGivenUp {
        notification: notification(),
        attempt,
        error: refused(),
        at: at(4),
    }
}

pub fn retried() -> Event {
    Event::NotificationRetried { notification: notification(), at: at(6) }
}

pub fn cancelled() -> Event {
    Event::NotificationCancelled { notification: notification(), at: at(5) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    vec![requested(), failed(1), sent(2), given_up(5), retried(), cancelled()]
}
