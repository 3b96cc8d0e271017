//! The best rated of the last 7 days, of the last 30 and of all time, fixed once a day.
//!
//! A day (UTC) has one set of lists: of each kind of item and each period the best of all, and the
//! best of its genres. Lists are of days that are over, so whoever makes them at whatever time of
//! the day makes the same ones. The first who offers them fixes them; offered again, they change
//! nothing. A list has an end, so that an event stays below what the log accepts.

mod aggregate;
mod command;
mod event;

pub use aggregate::{Refusal, Weekly};
pub use command::{Command, GENRE_ITEMS_MAX, GENRES_MAX, ITEMS_MAX, List, Lists, Period, Ranked};
pub use event::Event;

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
