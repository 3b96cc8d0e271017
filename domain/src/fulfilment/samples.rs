//! Fulfilments for tests.

use super::{Command, Event, Need};
use crate::{
    ProductId,
    order::{Reason, Short},
    samples::{at, order, product, quantity},
};

/// Two of each of products 1 to `count`.
pub fn needs(count: u128) -> Vec<Need> {
    (1..=count).map(|number| Need { product: product(number), quantity: quantity(2) }).collect()
}

pub fn short(product: ProductId) -> Short {
    Short { product, wanted: 2, available: 1 }
}

pub fn started(count: u128) -> Event {
    Event::FulfilmentStarted { order: order(1), needs: needs(count), at: at(0) }
}

pub fn reserved(products: Vec<ProductId>) -> Event {
    Event::LinesReserved { order: order(1), products, at: at(1) }
}

pub fn refused(products: Vec<ProductId>) -> Event {
    let short = products.into_iter().map(short).collect();
    Event::LinesRefused { order: order(1), short, at: at(1) }
}

pub fn confirmed() -> Event {
    Event::FulfilmentConfirmed { order: order(1), at: at(2) }
}

pub fn rejecting(products: Vec<ProductId>) -> Event {
    let short = products.into_iter().map(short).collect();
    let reason = Reason::OutOfStock { short };
    Event::FulfilmentRejecting { order: order(1), reason, at: at(1) }
}

pub fn cancelled() -> Event {
    Event::FulfilmentCancelled { order: order(1), at: at(3) }
}

pub fn released() -> Event {
    Event::FulfilmentReleased { order: order(1), at: at(4) }
}

pub fn shipped() -> Event {
    Event::FulfilmentShipped { order: order(1), at: at(5) }
}

pub fn start(count: u128) -> Command {
    Command::Start { order: order(1), needs: needs(count), at: at(0) }
}

pub fn record(reserved: Vec<ProductId>, refused: Vec<ProductId>) -> Command {
    let refused = refused.into_iter().map(short).collect();
    Command::Record { order: order(1), reserved, refused, at: at(1) }
}

pub fn confirm() -> Command {
    Command::Confirm { order: order(1), at: at(2) }
}

pub fn cancel() -> Command {
    Command::Cancel { order: order(1), at: at(3) }
}

pub fn release() -> Command {
    Command::Release { order: order(1), at: at(4) }
}

pub fn ship() -> Command {
    Command::Ship { order: order(1), at: at(5) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    vec![
        started(2),
        reserved(vec![product(1)]),
        refused(vec![product(2)]),
        confirmed(),
        rejecting(vec![product(2)]),
        cancelled(),
        released(),
        shipped(),
    ]
}
