//! The goodbooks set: 10,000 books, and readers' stars in the order they were given.

use std::{collections::HashSet, path::Path, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BookId, rating::Score};

use super::{
    book_row::{Fault, Raw},
    source::Source,
    table::{Line, Row, RowRef, Table, find},
    when,
    work::{Action, Emit, Plan, Stage, Task, Work, accounts},
};

const BOOKS: usize = 0;
const RATINGS: usize = 1;
/// What the set shows where it has no cover.
const NO_COVER: &str = "nophoto";

pub fn plan(folder: &Path, rows_max: Option<u64>) -> anyhow::Result<Plan> {
    let source = Source::new("goodbooks")?;
    let books = find(folder, &["books.csv"])?;
    let ratings = find(folder, &["ratings.csv", "ratings_train.csv"])?;
    let (readers, rating_rows) = readers(&mut Table::open(RATINGS, &ratings, rows_max)?)?;
    let book_rows = count(&mut Table::open(BOOKS, &books, None)?)?;
    let files = [&books, &ratings].map(|path| path.display().to_string()).to_vec();

    let (of_books, of_ratings) = (source.clone(), source.clone());
    let stages = vec![
        Stage {
            name: "books",
            total: book_rows,
            produce: Box::new(move |emit| {
                emit_books(&mut Table::open(BOOKS, &books, None)?, &of_books, emit)
            }),
        },
        accounts(&source, "Reader", Arc::new(readers)),
        Stage {
            name: "ratings",
            total: rating_rows,
            produce: Box::new(move |emit| {
                emit_ratings(&mut Table::open(RATINGS, &ratings, rows_max)?, &of_ratings, emit)
            }),
        },
    ];
    Ok(Plan { source, files, stages, places_orders: false })
}

/// The set has an order and no clock: its clock starts here and every rating takes a second.
fn time_of(sequence: u64) -> Option<DateTime<Utc>> {
    let seconds = TimeDelta::try_seconds(i64::try_from(sequence).ok()?)?;
    beginning().checked_add_signed(seconds)
}

fn beginning() -> DateTime<Utc> {
    when::day(2017, 1, 1).expect("1 January 2017 is a day")
}

pub fn count(table: &mut Table) -> anyhow::Result<u64> {
    let mut rows = 0;
    while table.next()?.is_some() {
        rows += 1;
    }
    Ok(rows)
}

fn emit_books(table: &mut Table, source: &Source, emit: &mut Emit<'_>) -> anyhow::Result<()> {
    let [id, title, authors, isbn, year, language] = table.columns([
        "book_id",
        "title",
        "authors",
        "isbn",
        "original_publication_year",
        "language_code",
    ])?;
    // Samples of the set go without pictures.
    let cover = table.column("image_url");
    while let Some(line) = table.next()? {
        emit(match line {
            Line::Unreadable { row, why } => Work::unreadable(row, why),
            Line::Row(row) => {
                let cover = cover.map_or("", |cover| row.field(cover));
                let raw = Raw {
                    key: row.field(id).to_owned(),
                    title: row.field(title).to_owned(),
                    authors: row.field(authors).split(',').map(str::to_owned).collect(),
                    isbn: row.field(isbn).to_owned(),
                    year: row.field(year).to_owned(),
                    language: row.field(language).to_owned(),
                    cover: if cover.contains(NO_COVER) { "" } else { cover }.to_owned(),
                    ..Raw::default()
                };
                add_book(source, raw, vec![row.reference()], beginning())
            }
        })?;
    }
    emit(Work::Blank { file: BOOKS, lines: table.blank_lines })
}

/// The command that adds a book, or why the rows about it go no further.
pub fn add_book(source: &Source, raw: Raw, rows: Vec<RowRef>, at: DateTime<Utc>) -> Work {
    let (key, text) = (raw.key.clone(), raw.text());
    if key.is_empty() {
        return Work::Unreadable { rows, why: "the book has no id".to_owned() };
    }
    match raw.details() {
        Ok(details) => {
            let book: BookId = source.id("book", &key);
            Work::Send(Box::new(Task {
                key: source.command_id(&format!("book:{key}"), &text),
                lane: book.uuid().as_u128(),
                at,
                action: Action::AddBook { book, details: Box::new(details) },
                rows,
            }))
        }
        Err(Fault::Refused { code, detail }) => Work::Refused { rows, code, detail },
        Err(Fault::Unreadable(why)) => Work::Unreadable { rows, why },
    }
}

struct Columns {
    /// The original set has none: there the place of a row in the file is its time.
    sequence: Option<usize>,
    user: usize,
    book: usize,
    stars: usize,
}

impl Columns {
    fn of(table: &Table) -> anyhow::Result<Self> {
        let [user, book, stars] = table.columns(["user_id", "book_id", "rating"])?;
        Ok(Self { sequence: table.column("seq"), user, book, stars })
    }

    fn time(&self, row: &Row<'_>) -> Option<DateTime<Utc>> {
        match self.sequence {
            Some(column) => time_of(row.field(column).parse().ok()?),
            None => time_of(row.line - 1),
        }
    }
}

type People = Vec<(Box<str>, DateTime<Utc>)>;

/// Everybody who rates, with the time of the first rating; and how many rows there are.
fn readers(table: &mut Table) -> anyhow::Result<(People, u64)> {
    let columns = Columns::of(table)?;
    let mut seen: HashSet<Box<str>> = HashSet::new();
    let mut readers = Vec::new();
    let mut rows = 0;
    while let Some(line) = table.next()? {
        rows += 1;
        let Line::Row(row) = line else { continue };
        let reader = row.field(columns.user);
        if let Some(time) =
            columns.time(&row).filter(|_| !reader.is_empty() && !seen.contains(reader))
        {
            seen.insert(reader.into());
            readers.push((reader.into(), time));
        }
    }
    Ok((readers, rows))
}

fn emit_ratings(table: &mut Table, source: &Source, emit: &mut Emit<'_>) -> anyhow::Result<()> {
    let columns = Columns::of(table)?;
    while let Some(line) = table.next()? {
        emit(match line {
            Line::Unreadable { row, why } => Work::unreadable(row, why),
            Line::Row(row) => rate(&row, &columns, source),
        })?;
    }
    emit(Work::Blank { file: RATINGS, lines: table.blank_lines })
}

fn rate(row: &Row<'_>, columns: &Columns, source: &Source) -> Work {
    let (user, book, stars) =
        (row.field(columns.user), row.field(columns.book), row.field(columns.stars));
    if user.is_empty() || book.is_empty() {
        return Work::unreadable(row.reference(), "it names no user or no book");
    }
    let Some(at) = columns.time(row) else {
        return Work::unreadable(row.reference(), "its seq is not a number");
    };
    let Ok(stars) = stars.parse::<u8>() else {
        return Work::unreadable(row.reference(), format!("'{stars}' is not a number of stars"));
    };
    let score = match Score::try_from(stars.saturating_mul(2)) {
        Ok(score) => score,
        Err(refusal) => return Work::refused(row.reference(), "invalid-score", refusal),
    };
    let (reader, book) = (source.account(user), source.id::<BookId>("book", book));
    Work::send(
        source.command_id(&format!("rating:{}", row.line), row.text()),
        reader.uuid().as_u128() ^ book.uuid().as_u128(),
        at,
        Action::Rate { reader, item: book.into(), score },
        row.reference(),
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::cli::import::testing::{self, actions};

    const RATINGS_CSV: &str =
        "seq,user_id,book_id,rating\n1,58,26,1\n2,58,58,5\n3,9,26,6\n4,9,x,y\n";

    #[test]
    fn stars_are_two_points_and_a_second_apart() {
        let source = Source::new("goodbooks").unwrap();
        let works = testing::collect(|emit| {
            emit_ratings(&mut testing::table(RATINGS, RATINGS_CSV), &source, emit)
        });
        let tasks = testing::tasks(&works);
        assert_eq!(tasks.len(), 2);
        assert_eq!(tasks[1].at.to_rfc3339(), "2017-01-01T00:00:02+00:00");
        let points = |at: usize| match actions(&works)[at] {
            Action::Rate { score, .. } => score.points(),
            other => panic!("{other:?}"),
        };
        assert_eq!((points(0), points(1)), (2, 10));
        assert_eq!(testing::refusals(&works), [("invalid-score", 4)]);
        assert_eq!(testing::unreadable(&works), [5]);
    }

    #[test]
    fn the_set_adds_up() {
        let Some(folder) = testing::data("goodbooks") else { return };
        let plan = plan(&folder, None).unwrap();
        let totals: Vec<_> = plan.stages.iter().map(|stage| (stage.name, stage.total)).collect();
        assert_eq!(totals, [("books", 10_000), ("accounts", 2_672), ("ratings", 269_539)]);
        let works = testing::run(plan);
        assert_eq!(testing::tasks(&works).len(), 9_977 + 2_672 + 269_539);
        let refused = testing::refusals(&works);
        assert_eq!(refused.len(), 23, "ISBNs with a wrong check digit");
        assert!(refused.iter().all(|(code, _)| *code == "invalid-isbn"));
    }
}
