//! Likes for tests.

use super::{Command, Event, LikeId, Target};
use crate::samples::{ada, at, comment, middlemarch};

pub fn like() -> LikeId {
    LikeId { reader: ada(), target: Target::Item(middlemarch().into()) }
}

pub fn like_of_comment() -> LikeId {
    LikeId { reader: ada(), target: Target::Comment(comment(1)) }
}

pub fn give(like: LikeId) -> Command {
    Command::Like { like, at: at(0) }
}

pub fn take_back(like: LikeId) -> Command {
    Command::Unlike { like, at: at(1) }
}

pub fn liked(like: LikeId) -> Event {
    Event::Liked { like, at: at(0) }
}

pub fn unliked(like: LikeId) -> Event {
    Event::Unliked { like, at: at(1) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    vec![liked(like()), unliked(like_of_comment())]
}
