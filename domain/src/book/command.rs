use chrono::{DateTime, Utc};

use super::{Audience, Authors, Details, Isbn, Series, Year};
use crate::{BookId, Language, Name, Patch, Tags, Text, Title, WebAddress};

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Add { book: BookId, details: Box<Details>, at: DateTime<Utc> },
    Revise { book: BookId, revision: Box<Revision>, at: DateTime<Utc> },
    Withdraw { book: BookId, at: DateTime<Utc> },
}

/// The fields to change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Revision {
    pub title: Option<Title>,
    pub authors: Option<Authors>,
    pub isbn: Patch<Isbn>,
    pub publisher: Patch<Name>,
    pub published_year: Patch<Year>,
    pub series: Patch<Series>,
    pub genres: Option<Tags>,
    pub audience: Option<Audience>,
    pub language: Patch<Language>,
    pub description: Patch<Text>,
    pub cover_url: Patch<WebAddress>,
}

impl Revision {
    /// The details after the change.
    pub fn of(self, current: &Details) -> Details {
        let current = current.clone();
        Details {
            title: self.title.unwrap_or(current.title),
            authors: self.authors.unwrap_or(current.authors),
            isbn: self.isbn.apply(current.isbn),
            publisher: self.publisher.apply(current.publisher),
            published_year: self.published_year.apply(current.published_year),
            series: self.series.apply(current.series),
            genres: self.genres.unwrap_or(current.genres),
            audience: self.audience.unwrap_or(current.audience),
            language: self.language.apply(current.language),
            description: self.description.apply(current.description),
            cover_url: self.cover_url.apply(current.cover_url),
        }
    }
}
