//! Ratings for tests.

use super::{Command, Event, RatingId, Score};
use crate::samples::{ada, at, middlemarch};

pub fn rating() -> RatingId {
    RatingId { reader: ada(), item: middlemarch().into() }
}

pub fn score(points: u8) -> Score {
    points.try_into().unwrap_or_else(|error| panic!("{error}"))
}

pub fn rate(points: u8) -> Command {
    Command::Rate { rating: rating(), score: score(points), at: at(0) }
}

pub fn withdraw() -> Command {
    Command::Withdraw { rating: rating(), at: at(0) }
}

pub fn rated(points: u8) -> Event {
    Event::ItemRated { rating: rating(), score: score(points), at: at(0) }
}

pub fn changed(from: u8, to: u8) -> Event {
    Event::RatingChanged { rating: rating(), from: score(from), to: score(to), at: at(0) }
}

pub fn withdrawn(points: u8) -> Event {
    Event::RatingWithdrawn { rating: rating(), score: score(points), at: at(0) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    vec![rated(8), changed(8, 3), withdrawn(3)]
}
