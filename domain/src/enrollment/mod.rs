//! Students in courses.
//!
//! A student enrolls in a published course with a seat left (the log counts seats by claims).
//! Lessons completed must be the course's. Whoever has completed all of them has completed the
//! course and gets a certificate, once: with the last lesson, on coming back, or when the lesson that
//! was missing is taken out of the course. Withdrawing gives the seat back; a student who returns
//! finds the lessons completed before as they were.

mod aggregate;
mod command;
mod event;
mod mark;

pub use aggregate::{Enrollment, Refusal};
pub use command::{Command, CourseFacts, EnrollmentId};
pub use event::Event;
pub use mark::{Mark, MarkError};

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
