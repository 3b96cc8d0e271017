//! Messages to persons: one for each cause, recipient and channel.
//!
//! A notification is requested once; whoever asks again changes nothing. It is then sent, or it
//! fails and is tried again later, or it is given up with the last error, until an operator has it
//! sent all the same. A recipient who was erased is not written to any more. Only what the message
//! is about is recorded: its words are made when it is sent, in the recipient's language, and kept
//! nowhere.

mod aggregate;
mod command;
mod event;
mod upcast;

pub use aggregate::{Notification, Refusal, Status};
pub use command::{Command, NotificationId, NotificationIdError};
pub use event::{Event, Message};
pub(crate) use upcast::{as_it_stands, without_kinds_of_1_1, without_kinds_of_1_2};

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
