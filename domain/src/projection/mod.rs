//! What operators do to projections: rebuild, compare with a rebuild, pause, resume, try parked
//! events again or give them up: one, some, or those that failed alike.
//!
//! The events say who did what and why; the runtime's tables are what the workers look at. Pausing
//! what is paused, resuming what runs and giving up what was given up change nothing.

mod aggregate;
mod command;
mod event;

pub use aggregate::{Projection, Refusal};
pub use command::Command;
pub use event::Event;

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
