//! How much of a product there is.
//!
//! On hand minus reserved is available, and available is never negative, at any event. An order
//! reserves a product once; what was refused stays refused until somebody asks anew. When available
//! falls to the reorder level or below, `StockRanLow` says so once, and again only after it had
//! risen above it.

mod aggregate;
mod command;
mod event;

pub use aggregate::{ON_HAND_MAX, Refusal, Stock};
pub use command::Command;
pub use event::{Event, Level};

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
