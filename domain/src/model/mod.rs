//! Recommendations are fitted to likings, and the fit that serves is on record.
//!
//! A fit is offered with the position of the log it knows, how it did on people it had not seen, and
//! how the one that serves did on the same people. The first one is taken, and any later one that
//! does not do clearly worse than the one that serves; one that does is rejected, so that a bad
//! day's data recommends nothing to anybody. One without somebody who was erased is taken however it
//! did: what serves still knows them. A fit that knows no more of the log than the one that serves
//! changes nothing.

mod aggregate;
mod command;
mod event;
mod upcast;

pub use aggregate::{Model, Refusal};
pub use command::{Command, Fit, Metrics};
pub use event::Event;
pub(crate) use upcast::{of_the_first_recipe, without_recipe};

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
