//! Who runs the system.
//!
//! All operators share the one stream `operators/all`: the rule that the last operator cannot be
//! demoted is about all of them together.

mod aggregate;
mod command;
mod event;

pub use aggregate::{Operators, Refusal, STREAM};
pub use command::Command;
pub use event::Event;

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
