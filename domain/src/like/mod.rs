//! Readers like items and comments.
//!
//! A reader likes a target or does not: liking twice, or no longer liking what is not liked,
//! changes nothing. Only what exists can be liked, which the caller looks up; taking a like back
//! works also when its target has gone.

mod aggregate;
mod command;
mod event;
mod target;

pub use aggregate::{Like, Refusal};
pub use command::{Command, LikeId};
pub use event::Event;
pub use target::{Target, TargetError};

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
