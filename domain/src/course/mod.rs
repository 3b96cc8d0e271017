//! Courses and their lessons.
//!
//! Only its instructor changes a course. It can be published once it has a title, a description and
//! at least one lesson with text, and keeps them from then on. The number of seats is optional.
//! While it is being published it stays as it was submitted: what is published is what the
//! instructor saw. If that fails it is a draft again; archiving is always possible.
//! Lessons stand in places 1, 2, 3 ... without gaps. An archived course takes no new students and
//! no changes.

mod aggregate;
mod command;
mod details;
mod event;

pub use aggregate::{Course, LESSONS_MAX, Refusal, Status};
pub use command::{Command, LessonRevision, Revision};
pub use details::{Details, LessonDetails, Level, Minutes, MinutesError, Seats, SeatsError};
pub use event::Event;

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
