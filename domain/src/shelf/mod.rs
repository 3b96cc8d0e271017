//! Readers keep favourites.
//!
//! A reader's shelf holds an item or it does not: adding twice, or removing what is not there,
//! changes nothing. Only an item that exists can be added; removing works also when it has gone.

mod aggregate;
mod command;
mod event;

pub use aggregate::{Refusal, Shelf};
pub use command::{Command, ShelfId};
pub use event::Event;

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
