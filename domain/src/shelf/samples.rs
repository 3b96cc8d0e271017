//! Favourites for tests.

use super::{Command, Event, ShelfId};
use crate::samples::{ada, at, middlemarch};

pub fn shelf() -> ShelfId {
    ShelfId { reader: ada(), item: middlemarch().into() }
}

pub fn add() -> Command {
    Command::AddFavourite { shelf: shelf(), at: at(0) }
}

pub fn remove() -> Command {
    Command::RemoveFavourite { shelf: shelf(), at: at(1) }
}

pub fn added() -> Event {
    Event::FavouriteAdded { shelf: shelf(), at: at(0) }
}

pub fn removed() -> Event {
    Event::FavouriteRemoved { shelf: shelf(), at: at(1) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    vec![added(), removed()]
}
