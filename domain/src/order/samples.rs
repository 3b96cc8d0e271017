//! Orders for tests.

use chrono::NaiveDate;

use super::{Command, Event, Line, OrderNumber, Reason, Short, Status};
use crate::{
    AccountId, Money, OrderId, ProductId,
    samples::{ada, at, lantern, order, pounds, quantity, text},
};

pub fn number() -> OrderNumber {
    let day = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap_or_default();
    OrderNumber::new(day, 42).unwrap_or_else(|error| panic!("{error}"))
}

pub fn line(product: ProductId, pieces: u32, unit_price: Money) -> Line {
    let quantity = quantity(pieces);
    Line { product, sku: text("71053"), name: text("White Metal Lantern"), quantity, unit_price }
}

/// Six lanterns at 3.39.
pub fn lines() -> Vec<Line> {
    vec![line(lantern(), 6, pounds(339))]
}

pub fn total() -> Money {
    pounds(6 * 339)
}

pub fn place(order: OrderId, lines: Vec<Line>) -> Command {
    Command::Place { order, number: number(), customer: ada(), lines, at: at(0) }
}

pub fn confirm() -> Command {
    Command::Confirm { order: order(1), at: at(1) }
}

pub fn reject() -> Command {
    Command::Reject { order: order(1), reason: out_of_stock(), at: at(1) }
}

pub fn ship() -> Command {
    Command::Ship { order: order(1), at: at(2) }
}

pub fn deliver() -> Command {
    Command::Deliver { order: order(1), at: at(3) }
}

pub fn cancel(by: AccountId) -> Command {
    Command::Cancel { order: order(1), by, as_merchandiser: false, at: at(4) }
}

pub fn out_of_stock() -> Reason {
    Reason::OutOfStock { short: vec![Short { product: lantern(), wanted: 6, available: 2 }] }
}

pub fn placed() -> Event {
    Event::OrderPlaced {
        order: order(1),
        number: number(),
        customer: ada(),
        lines: lines(),
        line_count: 1,
        total: total(),
        at: at(0),
    }
}

pub fn confirmed() -> Event {
    Event::OrderConfirmed { order: order(1), customer: ada(), total: total(), at: at(1) }
}

pub fn rejected() -> Event {
    let reason = out_of_stock();
    Event::OrderRejected { order: order(1), customer: ada(), total: total(), reason, at: at(1) }
}

pub fn shipped() -> Event {
    Event::OrderShipped { order: order(1), customer: ada(), total: total(), at: at(2) }
}

pub fn delivered() -> Event {
    Event::OrderDelivered { order: order(1), customer: ada(), total: total(), at: at(3) }
}

pub fn cancelled(was: Status) -> Event {
    let (customer, by) = (ada(), ada());
    Event::OrderCancelled { order: order(1), customer, total: total(), was, by, at: at(4) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    let (order, customer) = (order(1), ada());
    vec![
        placed(),
        Event::OrderLinesPlaced { order, customer, first_line: 201, lines: lines(), at: at(0) },
        confirmed(),
        rejected(),
        shipped(),
        delivered(),
        cancelled(Status::Confirmed),
    ]
}
