//! What books, courses and products say, as the read models have it at the moment.
//!
//! Two follow it: the worker that keeps everything embedded ([`keep_embedding`]), and the query side,
//! which finds by meaning. Both make the same texts of the same things, so both know the same hashes.

mod catalogue;
mod keeping;
mod lessons;
mod news;
mod sweeping;

use domain::ItemId;

pub use crate::embedding::{TextHash, vectors};
pub use catalogue::described;
pub use keeping::keep_embedding;
#[cfg(test)]
pub(crate) use keeping::{Keeper, TURN};
pub use news::{Known, News};

/// A book, a course or a product, and what is embedded of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    pub item: ItemId,
    /// False for what was withdrawn, not yet published, archived or discontinued: it says nothing.
    pub shown: bool,
    /// Genres of a book, skills of a course, category and tags of a product.
    pub labels: Vec<String>,
    pub audience: Option<String>,
    /// In minor units, and the currency.
    pub price: Option<(i64, String)>,
    /// What it is, then what the lessons of a course say, passage by passage: the hashes of it.
    pub texts: Vec<TextHash>,
}
