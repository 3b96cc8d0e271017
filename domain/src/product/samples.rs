//! Products for tests.

use super::{Command, Details, Event, Revision};
use crate::{
    Money, ProductId,
    samples::{at, lantern, pounds, tags, text},
};

pub fn details(sku: &str, name: &str) -> Details {
    Details { sku: text(sku), name: text(name), description: None, category: None, tags: tags([]) }
}

/// A product with everything a product can have.
pub fn full_details() -> Details {
    Details {
        description: Some(text("Burns for eight hours.")),
        category: Some(text("garden")),
        tags: tags(["metal", "white"]),
        ..details("71053", "White Metal Lantern")
    }
}

pub fn added(product: ProductId, details: Details, price: Money) -> Event {
    Event::ProductAdded { product, details: Box::new(details), price, at: at(0) }
}

pub fn revised(product: ProductId, details: Details) -> Event {
    Event::ProductRevised { product, details: Box::new(details), at: at(1) }
}

pub fn repriced(product: ProductId, from: Money, to: Money) -> Event {
    Event::ProductRepriced { product, from, to, at: at(1) }
}

pub fn discontinued(product: ProductId) -> Event {
    Event::ProductDiscontinued { product, at: at(2) }
}

pub fn add(product: ProductId, details: Details, price: Money) -> Command {
    Command::Add { product, details: Box::new(details), price, at: at(0) }
}

pub fn revise(product: ProductId, revision: Revision) -> Command {
    Command::Revise { product, revision: Box::new(revision), at: at(1) }
}

pub fn reprice(product: ProductId, price: Money) -> Command {
    Command::Reprice { product, price, at: at(1) }
}

pub fn discontinue(product: ProductId) -> Command {
    Command::Discontinue { product, at: at(2) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    let product = lantern();
    vec![
        added(product, full_details(), pounds(339)),
        revised(product, full_details()),
        repriced(product, pounds(339), pounds(395)),
        discontinued(product),
    ]
}
