//! Readers follow readers.
//!
//! Nobody follows oneself. Following twice, or unfollowing somebody not followed, changes nothing.

mod aggregate;
mod command;
mod event;

pub use aggregate::{Follow, Refusal};
pub use command::{Command, FollowId};
pub use event::Event;

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
