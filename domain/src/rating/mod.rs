//! How readers rate items.
//!
//! A reader has at most one rating per item, a score from 0 to 10. Rating again replaces it; the
//! same score again changes nothing. A rating can be withdrawn, and given again later. Only of an
//! item that exists, which the caller looks up.

mod aggregate;
mod command;
mod event;
mod score;

pub use aggregate::{Rating, Refusal};
pub use command::{Command, RatingId};
pub use event::Event;
pub use score::{Score, ScoreOutOfRange};

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
