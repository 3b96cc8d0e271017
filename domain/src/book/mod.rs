//! The catalogue of books.
//!
//! A book has a title and at least one author. Its ISBN, when it has one, is its alone until it is
//! withdrawn. The year may be negative: some books are older than our era.

mod aggregate;
mod command;
mod details;
mod event;
mod isbn;
mod upcast;

pub use aggregate::{Book, Refusal};
pub use command::{Command, Revision};
pub use details::{
    Audience, Authors, AuthorsError, Details, Series, SeriesNumber, SeriesNumberError, Year,
    YearError,
};
pub use event::Event;
pub use isbn::{Isbn, IsbnError};
pub(crate) use upcast::{audience_from_genres, without_audience};

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
