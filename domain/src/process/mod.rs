//! What operators do to processes: they have an instance that is parked tried again now.
//!
//! The events say who did what; the runtime's tables are what the process looks at.

mod aggregate;
mod command;
mod event;

pub use aggregate::{Process, Refusal};
pub use command::Command;
pub use event::Event;

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
