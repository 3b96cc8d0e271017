//! Everything the log holds of a person, collected for that person.
//!
//! One collection at a time, and at most one begun in an hour. One that has not come to an end within
//! a day is given up: another may be asked for. What was collected is not here.

mod aggregate;
mod command;
mod event;

pub use aggregate::{PersonalExport, Refusal};
pub use command::Command;
pub use event::Event;

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
