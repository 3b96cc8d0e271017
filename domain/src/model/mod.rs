//! Recommendations are fitted to likings, and the fit that serves is on record.
//!
//! A fit is offered with the position of the log it knows and how it did on people it had not seen.
//! The first one is taken, and any later one that does not do clearly worse than the one that
//! serves; one that does is rejected, so that a bad day's data recommends nothing to anybody. A fit
//! that knows no more of the log than the one that serves changes nothing.

mod aggregate;
mod command;
mod event;

pub use aggregate::{Model, Refusal};
pub use command::{Command, Fit, Metrics};
pub use event::Event;

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
