//! The books there are, by the ways another catalogue can name them.

use std::collections::HashMap;

use cqrs_es::Aggregate as _;
use domain::{
    BookId,
    book::{Book, Details, Event, Isbn},
};
use eventstore::Reader;

use crate::cli::import::book_row::split_series;

/// Positions of the log looked at in one statement.
const WINDOW: i64 = 20_000;

#[derive(Debug, Default)]
pub struct Catalogue {
    /// In the order they were added, so that of several books that match it is always the same.
    books: Vec<Option<Named>>,
    places: HashMap<BookId, usize>,
    by_isbn: HashMap<Isbn, BookId>,
    by_name: HashMap<String, BookId>,
}

#[derive(Debug)]
struct Named {
    book: BookId,
    isbn: Option<Isbn>,
    name: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    Listed(BookId),
    Withdrawn,
    Nowhere,
}

impl Catalogue {
    /// As the log has it. Read models may be behind, or not be there at all.
    pub async fn read(log: &Reader) -> anyhow::Result<Self> {
        let head = log.head().await?;
        let mut catalogue = Self::default();
        for after in (0..head).step_by(WINDOW as usize) {
            let until = head.min(after + WINDOW);
            for event in log.window(&[Book::TYPE], after, until).await? {
                catalogue.fold(event.decode()?);
            }
        }
        let books = std::mem::take(&mut catalogue.books);
        books.iter().flatten().for_each(|named| catalogue.index(named));
        Ok(Self { books, ..catalogue })
    }

    pub(super) fn fold(&mut self, event: Event) {
        match event {
            Event::BookAdded { book, details, .. } | Event::BookRevised { book, details, .. } => {
                let end = self.books.len();
                let place = *self.places.entry(book).or_insert(end);
                self.books.resize_with(end.max(place + 1), || None);
                self.books[place] = Some(Named::of(book, &details));
            }
            Event::BookWithdrawn { book, .. } => {
                if let Some(place) = self.places.get(&book) {
                    self.books[*place] = None;
                }
            }
        }
    }

    /// `own` is the id the book has if an earlier import added it.
    pub fn find(&self, own: BookId, details: &Details) -> Found {
        let Named { isbn, name, .. } = Named::of(own, details);
        let added = self.places.get(&own).map(|place| self.books[*place].is_some());
        let found = match added {
            Some(true) => Some(&own),
            _ => isbn.and_then(|isbn| self.by_isbn.get(&isbn)).or_else(|| self.by_name.get(&name?)),
        };
        match (found, added) {
            (Some(book), _) => Found::Listed(*book),
            (None, Some(false)) => Found::Withdrawn,
            (None, _) => Found::Nowhere,
        }
    }

    /// What the rows before have added.
    pub fn add(&mut self, book: BookId, details: &Details) {
        let named = Named::of(book, details);
        self.index(&named);
        self.places.insert(book, self.books.len());
        self.books.push(Some(named));
    }

    /// Who came first is found.
    fn index(&mut self, named: &Named) {
        if let Some(isbn) = named.isbn {
            self.by_isbn.entry(isbn).or_insert(named.book);
        }
        if let Some(name) = &named.name {
            self.by_name.entry(name.clone()).or_insert(named.book);
        }
    }
}

impl Named {
    fn of(book: BookId, details: &Details) -> Self {
        let title = words(split_series(details.title.as_str()).0).join(" ");
        let author = details.authors.names().first().map(|name| {
            // `Austen, Jane` is Jane Austen.
            let mut words = words(name.as_str());
            words.sort();
            words.join(" ")
        });
        let name = author
            .filter(|author| !author.is_empty() && !title.is_empty())
            .map(|author| format!("{title} / {author}"));
        Self { book, isbn: details.isbn, name }
    }
}

/// Letters and digits alone: writers differ in everything else.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}
