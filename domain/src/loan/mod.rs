//! Readers borrow books.
//!
//! A book's copies are one stream, so that its sequence alone keeps the last copy safe: of two who
//! want it at once, the second to be appended is decided again, on what the first left. A capacity
//! claim would keep the same count in a second place.
//!
//! No more copies are out than there are, and so there are never fewer copies than are out. A
//! reader has at most one copy of a book: borrowing again changes nothing, not even the day it is
//! due. That day is fixed at borrowing. A copy is due at its end, in UTC, so that what is overdue
//! changes with the day and not with every second. Only a book of the catalogue is borrowed; it can
//! be returned, and its copies counted, also after it was withdrawn. Whoever keeps the books takes a
//! copy back for a reader too: one whose account is gone has no way to ask.

mod aggregate;
mod command;
mod copies;
mod event;

pub use aggregate::{CopySet, LOAN_DAYS, Refusal};
pub use command::Command;
pub use copies::{Copies, CopiesOutOfRange};
pub use event::Event;

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
