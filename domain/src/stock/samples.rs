//! Stock for tests.

use super::{Command, Event, Level};
use crate::{
    OrderId,
    samples::{at, lantern, order, quantity, text},
};

pub const fn level(on_hand: i64, reserved: i64) -> Level {
    Level { on_hand, reserved }
}

pub fn received(pieces: u32, level: Level) -> Event {
    let (product, quantity) = (lantern(), quantity(pieces));
    Event::StockReceived { product, quantity, reason: Some(text("delivery")), level, at: at(0) }
}

pub fn adjusted(by: i64, level: Level) -> Event {
    let product = lantern();
    Event::StockAdjusted { product, by, reason: Some(text("counted")), level, at: at(0) }
}

pub fn reserved(order: OrderId, pieces: u32, level: Level) -> Event {
    let (product, quantity) = (lantern(), quantity(pieces));
    Event::StockReserved { product, order, quantity, level, at: at(1) }
}

pub fn refused(order: OrderId, pieces: u32, level: Level) -> Event {
    let (product, quantity) = (lantern(), quantity(pieces));
    Event::ReservationRefused { product, order, quantity, level, at: at(1) }
}

pub fn released(order: OrderId, pieces: u32, level: Level) -> Event {
    let (product, quantity) = (lantern(), quantity(pieces));
    Event::ReservationReleased { product, order, quantity, level, at: at(2) }
}

pub fn shipped(order: OrderId, pieces: u32, level: Level) -> Event {
    let (product, quantity) = (lantern(), quantity(pieces));
    Event::StockShipped { product, order, quantity, level, at: at(2) }
}

pub fn reorder_level_set(from: Option<u32>, to: Option<u32>) -> Event {
    Event::ReorderLevelSet { product: lantern(), from, to, at: at(0) }
}

pub fn ran_low(reorder_level: u32, level: Level, second: i64) -> Event {
    Event::StockRanLow { product: lantern(), reorder_level, level, at: at(second) }
}

pub fn receive(pieces: u32) -> Command {
    let (product, quantity) = (lantern(), quantity(pieces));
    Command::Receive { product, quantity, reason: Some(text("delivery")), at: at(0) }
}

pub fn adjust(by: i64) -> Command {
    Command::Adjust { product: lantern(), by, reason: Some(text("counted")), at: at(0) }
}

pub fn reserve(order: OrderId, pieces: u32) -> Command {
    Command::Reserve { product: lantern(), order, quantity: quantity(pieces), at: at(1) }
}

pub fn release(order: OrderId) -> Command {
    Command::Release { product: lantern(), order, at: at(2) }
}

pub fn ship(order: OrderId) -> Command {
    Command::Ship { product: lantern(), order, at: at(2) }
}

pub fn set_reorder_level(reorder_level: Option<u32>) -> Command {
    Command::SetReorderLevel { product: lantern(), reorder_level, at: at(0) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    let order = order(1);
    vec![
        received(10, level(10, 0)),
        adjusted(-1, level(9, 0)),
        reorder_level_set(None, Some(5)),
        reserved(order, 4, level(9, 4)),
        ran_low(5, level(9, 4), 1),
        refused(order, 6, level(9, 4)),
        released(order, 4, level(9, 0)),
        shipped(order, 4, level(5, 0)),
    ]
}
