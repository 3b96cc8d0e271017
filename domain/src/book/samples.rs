//! Books for tests.

use super::{Authors, Command, Details, Event, Revision, Series};
use crate::{
    BookId, Name,
    samples::{at, middlemarch, tags, text},
};

pub fn details(title: &str, author: &str) -> Details {
    let authors: Vec<Name> = vec![text(author)];
    Details {
        title: text(title),
        authors: Authors::try_from(authors).unwrap_or_else(|error| panic!("{error}")),
        isbn: None,
        publisher: None,
        published_year: None,
        series: None,
        genres: tags([]),
        audience: super::Audience::General,
        language: None,
        description: None,
        cover_url: None,
    }
}

/// A book with everything a book can have.
pub fn full_details() -> Details {
    Details {
        isbn: Some(text("9780141439549")),
        publisher: Some(text("Penguin")),
        published_year: 1871.try_into().ok(),
        series: Some(Series { name: text("Penguin Classics"), number: 1.5.try_into().ok() }),
        genres: tags(["classics", "fiction"]),
        language: Some(text("en")),
        description: Some(text("A study of provincial life.")),
        cover_url: Some(text("https://example.org/middlemarch.jpg")),
        ..details("Middlemarch", "George Eliot")
    }
}

pub fn added(book: BookId, details: Details) -> Event {
    Event::BookAdded { book, details: Box::new(details), at: at(0) }
}

pub fn revised(book: BookId, details: Details) -> Event {
    Event::BookRevised { book, details: Box::new(details), at: at(1) }
}

pub fn withdrawn(book: BookId) -> Event {
    Event::BookWithdrawn { book, at: at(2) }
}

pub fn add(book: BookId, details: Details) -> Command {
    Command::Add { book, details: Box::new(details), at: at(0) }
}

pub fn revise(book: BookId, revision: Revision) -> Command {
    Command::Revise { book, revision: Box::new(revision), at: at(1) }
}

pub fn withdraw(book: BookId) -> Command {
    Command::Withdraw { book, at: at(2) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    let book = middlemarch();
    vec![added(book, full_details()), revised(book, full_details()), withdrawn(book)]
}
