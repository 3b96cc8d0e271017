//! The catalogue of the shop.
//!
//! A product has a SKU of its own until it is discontinued, and a price that is never negative. Its
//! currency may change with the price. A discontinued product is not sold and not changed any more.

mod aggregate;
mod command;
mod details;
mod event;

pub use aggregate::{Product, Refusal};
pub use command::{Command, Revision};
pub use details::{Details, Sku, SkuError};
pub use event::Event;

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
