//! Readers say something about items.
//!
//! A comment has 1 to 5,000 characters. Only its author edits it, and the same text again changes
//! nothing; its author or an operator deletes it, for good. Only on an item that exists, which the
//! caller looks up; what was said stays when the item has gone.

mod aggregate;
mod command;
mod event;
mod remark;

pub use aggregate::{Comment, Refusal};
pub use command::Command;
pub use event::Event;
pub use remark::{Remark, RemarkError};

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
