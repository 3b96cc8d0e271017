//! Fulfilments for tests.

use super::{Command, Event, Need, Paying};
use crate::{
    ErrorText, ProductId,
    order::{Reason, Short},
    samples::{at, order, pounds, product, quantity, text},
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

pub fn rejecting_over(reason: Reason) -> Event {
    Event::FulfilmentRejecting { order: order(1), reason, at: at(2) }
}

pub fn said() -> ErrorText {
    ErrorText::from("the card has expired".to_owned())
}

pub fn requested() -> Event {
    Event::PaymentRequested { order: order(1), amount: pounds(510), at: at(2) }
}

pub fn taken() -> Event {
    let reference = text("pay-1");
    Event::PaymentTaken { order: order(1), amount: pounds(510), reference, at: at(2) }
}

pub fn declined() -> Event {
    Event::PaymentDeclined { order: order(1), reason: said(), at: at(2) }
}

pub fn failed(attempt: u32) -> Event {
    Event::PaymentFailed { order: order(1), attempt, error: said(), retry_at: at(3), at: at(2) }
}

pub fn given_up() -> Event {
    Event::PaymentGivenUp { order: order(1), error: said(), at: at(2) }
}

pub fn refunded() -> Event {
    Event::PaymentRefunded { order: order(1), at: at(2) }
}

pub fn pay(step: Paying) -> Command {
    Command::Pay { order: order(1), step, at: at(2) }
}

pub fn request() -> Command {
    pay(Paying::Request { amount: pounds(510) })
}

pub fn took() -> Command {
    pay(Paying::Took { amount: pounds(510), reference: text("pay-1") })
}

pub fn decline() -> Command {
    pay(Paying::Declined { reason: said() })
}

pub fn fail() -> Command {
    pay(Paying::Failed { error: said(), retry_at: at(3) })
}

pub fn give_up() -> Command {
    pay(Paying::GiveUp { error: said() })
}

pub fn refund() -> Command {
    pay(Paying::Refunded)
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
        requested(),
        taken(),
        declined(),
        failed(1),
        given_up(),
        refunded(),
        confirmed(),
        rejecting(vec![product(2)]),
        cancelled(),
        released(),
        shipped(),
    ]
}
