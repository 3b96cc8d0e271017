//! Carts for tests: Ada's.

use super::{Command, Event, Line, Pieces};
use crate::{
    ProductId,
    samples::{ada, at, lantern, order, product},
};

pub fn pieces(count: u32) -> Pieces {
    count.try_into().unwrap_or_else(|error| panic!("{error}"))
}

pub fn line(product: ProductId, count: u32) -> Line {
    Line { product, quantity: pieces(count) }
}

pub fn put(product: ProductId, count: u32) -> Command {
    Command::PutItem { customer: ada(), product, quantity: pieces(count), at: at(0) }
}

pub fn remove(product: ProductId) -> Command {
    Command::RemoveItem { customer: ada(), product, at: at(1) }
}

pub fn clear() -> Command {
    Command::Clear { customer: ada(), at: at(1) }
}

pub fn check_out(lines: Vec<Line>) -> Command {
    Command::CheckOut { customer: ada(), order: order(1), lines, at: at(2) }
}

pub fn added(product: ProductId, count: u32) -> Event {
    Event::ItemAdded { customer: ada(), product, quantity: pieces(count), at: at(0) }
}

pub fn changed(product: ProductId, from: u32, to: u32) -> Event {
    let (from, to) = (pieces(from), pieces(to));
    Event::QuantityChanged { customer: ada(), product, from, to, at: at(0) }
}

pub fn removed(product: ProductId, count: u32) -> Event {
    Event::ItemRemoved { customer: ada(), product, quantity: pieces(count), at: at(1) }
}

pub fn cleared(lines: Vec<Line>) -> Event {
    Event::CartCleared { customer: ada(), lines, at: at(1) }
}

pub fn checked_out(lines: Vec<Line>) -> Event {
    Event::CheckedOut { customer: ada(), order: order(1), lines, at: at(2) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    vec![
        added(lantern(), 2),
        changed(lantern(), 2, 3),
        removed(product(2), 1),
        cleared(vec![line(lantern(), 3)]),
        checked_out(vec![line(lantern(), 3), line(product(2), 1)]),
    ]
}
