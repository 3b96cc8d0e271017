//! Readers say what they do not want to be recommended.
//!
//! An item is dismissed by a reader or it is not: dismissing twice, or taking back what was never
//! said, changes nothing. Only an item that exists can be dismissed; taking it back works also when
//! the item has gone. A dismissal says nothing about the item: it changes nobody else's list.

mod aggregate;
mod command;
mod event;

pub use aggregate::{Dismissal, Refusal};
pub use command::{Command, DismissalId};
pub use event::Event;

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
