//! The rows of the file.

use std::path::Path;

use anyhow::bail;
use chrono::{DateTime, Utc};
use domain::{
    book::{Details, Isbn},
    comment::Remark,
    rating::Score,
};

use super::review;
use crate::cli::import::{
    book_row::{Fault, Raw},
    table::{Line, Row, RowRef, Table},
    when,
    work::Work,
};

/// Whoever has read a book a day for a lifetime has not half as many.
const ROWS_MAX: usize = 100_000;
/// Shelves that say how far a reader is. A book is on one of them.
const STATES: [&str; 3] = ["read", "currently-reading", "to-read"];

/// Which shelves become favourites; none named: all that readers make themselves.
#[derive(Debug)]
pub struct Shelves(Vec<String>);

impl Shelves {
    pub fn new(names: Vec<String>) -> Self {
        Self(names.iter().map(|name| name.trim().to_lowercase()).collect())
    }

    fn hold(&self, shelf: &str, exclusive: &str) -> bool {
        let shelf = shelf.trim().to_lowercase();
        match self.0.as_slice() {
            [] => {
                let state = STATES.contains(&shelf.as_str());
                !shelf.is_empty() && !state && !shelf.eq_ignore_ascii_case(exclusive)
            }
            names => names.contains(&shelf),
        }
    }
}

/// A row that can be understood as a whole.
#[derive(Debug)]
pub struct Entry {
    pub row: RowRef,
    /// What Goodreads calls the book.
    pub key: String,
    pub details: Details,
    pub score: Option<Score>,
    /// It stands on a shelf of favourites.
    pub kept: bool,
    pub review: Option<Remark>,
    pub read_at: Option<DateTime<Utc>>,
    pub added_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Default)]
pub struct Entries {
    pub rows: Vec<Entry>,
    /// What is wrong with the others, and the lines that are no rows.
    pub faults: Vec<Work>,
}

/// # Errors
/// When the file cannot be read or is no export of Goodreads.
pub fn read(path: &Path, rows_max: Option<u64>, shelves: &Shelves) -> anyhow::Result<Entries> {
    entries(&mut Table::open(0, path, rows_max)?, shelves)
}

pub fn entries(table: &mut Table, shelves: &Shelves) -> anyhow::Result<Entries> {
    let columns = Columns::of(table)?;
    let mut entries = Entries::default();
    while let Some(line) = table.next()? {
        if entries.rows.len() + entries.faults.len() == ROWS_MAX {
            bail!("more than {ROWS_MAX} rows are no reader's library");
        }
        match line {
            Line::Unreadable { row, why } => entries.faults.push(Work::unreadable(row, why)),
            Line::Row(row) => match columns.entry(&row, shelves) {
                Ok(entry) => entries.rows.push(entry),
                Err(Fault::Unreadable(why)) => {
                    entries.faults.push(Work::unreadable(row.reference(), why));
                }
                Err(Fault::Refused { code, detail }) => {
                    entries.faults.push(Work::refused(row.reference(), code, detail));
                }
            },
        }
    }
    entries.faults.push(Work::Blank { file: 0, lines: table.blank_lines });
    Ok(entries)
}

struct Columns {
    required: [usize; 10],
    additional_authors: Option<usize>,
    publisher: Option<usize>,
    year: Option<usize>,
    first_year: Option<usize>,
    review: Option<usize>,
    spoiler: Option<usize>,
}

impl Columns {
    fn of(table: &Table) -> anyhow::Result<Self> {
        Ok(Self {
            required: table.columns([
                "Book Id",
                "Title",
                "Author",
                "ISBN",
                "ISBN13",
                "My Rating",
                "Date Read",
                "Date Added",
                "Bookshelves",
                "Exclusive Shelf",
            ])?,
            additional_authors: table.column("Additional Authors"),
            publisher: table.column("Publisher"),
            year: table.column("Year Published"),
            first_year: table.column("Original Publication Year"),
            review: table.column("My Review"),
            spoiler: table.column("Spoiler"),
        })
    }

    fn entry(&self, row: &Row<'_>, shelves: &Shelves) -> Result<Entry, Fault> {
        let [key, title, author, isbn, isbn13, stars, read_at, added_at, shelf_names, exclusive] =
            self.required.map(|column| row.field(column));
        let optional = |column: Option<usize>| column.map_or("", |column| row.field(column));
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Fault::Unreadable(format!("'{key}' is not the number of a book")));
        }
        if title.is_empty() {
            return Err(Fault::Unreadable("it has no title".to_owned()));
        }
        let score = score(stars)?;
        let (read_at, added_at) = (day(read_at)?, day(added_at)?);
        let year = match optional(self.first_year) {
            "" => optional(self.year),
            first => first,
        };
        let authors = [author].into_iter().chain(optional(self.additional_authors).split(','));
        let raw = Raw {
            key: key.to_owned(),
            title: title.to_owned(),
            authors: authors.map(str::to_owned).collect(),
            isbn: either_isbn(isbn13, isbn).to_owned(),
            publisher: optional(self.publisher).to_owned(),
            year: year.to_owned(),
            ..Raw::default()
        };
        let kept = shelf_names.split(',').any(|shelf| shelves.hold(shelf, exclusive));
        let details = raw.details()?;
        let is_spoiler = optional(self.spoiler).eq_ignore_ascii_case("true");
        let review = review::remark(optional(self.review), is_spoiler);
        let (row, key) = (row.reference(), key.to_owned());
        Ok(Entry { row, key, details, score, kept, review, read_at, added_at })
    }
}

/// Numbers stand as `="0439023483"`, so that spreadsheets leave them alone. Of two that are there,
/// one that is whole.
fn either_isbn<'t>(isbn13: &'t str, isbn: &'t str) -> &'t str {
    let [isbn13, isbn] = [isbn13, isbn].map(|text| text.trim_matches(['=', '"', ' ']));
    if isbn13.is_empty() || (!isbn.is_empty() && Isbn::parse(isbn13).is_err()) {
        isbn
    } else {
        isbn13
    }
}

/// A star is two points; none is no opinion.
fn score(stars: &str) -> Result<Option<Score>, Fault> {
    match stars.parse::<u8>() {
        Ok(0) => Ok(None),
        Ok(stars @ 1..=5) => Ok(Score::try_from(2 * stars).ok()),
        Ok(_) => {
            let detail = format!("a book has from 1 to 5 stars, not {stars}");
            Err(Fault::Refused { code: "invalid-score", detail })
        }
        Err(_) => Err(Fault::Unreadable(format!("'{stars}' is not a number of stars"))),
    }
}

fn day(text: &str) -> Result<Option<DateTime<Utc>>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let day = when::parse(text).ok_or_else(|| Fault::Unreadable(format!("'{text}' is not a day")));
    day.map(Some)
}
