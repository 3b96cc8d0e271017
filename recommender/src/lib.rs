//! Recommendations: from who liked what to a list with reasons.
//!
//! [`Counts`] are integers: the same for the same [`Histories`]. [`ease`] fits a linear model to them,
//! [`similarity`] has models that need no fit; a [`Scorer`] ranks with one or several of them and says
//! why, [`recipe`] is the one that serves. [`protocol`] and [`Metrics`] say how good that is. No I/O,
//! no clock.

mod blob;
mod counts;
pub mod ease;
mod histories;
mod metrics;
mod model;
mod mt19937;
mod planted;
pub mod protocol;
pub mod recipe;
mod scorer;
pub mod similarity;

pub use blob::Unreadable;
pub use counts::Counts;
pub use histories::{HISTORY_MAX, Histories, Item};
pub use metrics::{LENGTH, Metrics, Split};
pub use model::{Model, Sparse};
pub use mt19937::Mt19937;
pub use planted::Planted;
pub use scorer::{Reason, Scorer, Scores, recency, top};

#[cfg(test)]
mod tests;
