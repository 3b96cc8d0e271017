//! Anybody's list of books.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::{
    book_row::Raw,
    columns::{Columns, Place, Usage, Wanted},
    goodbooks::{add_book, count},
    source::Source,
    table::{Line, Row, RowRef, Table},
    work::{Emit, Plan, Stage, Work},
};

const WANTED: [Wanted; 12] = [
    optional(&["id", "item", "book"], &["id", "book_id", "gutenberg_id"]),
    optional(&["title"], &["title"]),
    optional(&["authors"], &["authors"]),
    optional(&["author"], &["author"]),
    optional(&["isbn"], &["isbn"]),
    optional(&["publisher"], &["publisher"]),
    optional(&["year", "published_year"], &["year", "published_year", "original_publication_year"]),
    optional(&["series"], &["series"]),
    optional(&["genres", "genre", "subjects"], &["genres", "gutenberg_bookshelf"]),
    optional(&["language"], &["language", "language_code"]),
    optional(&["description"], &["description"]),
    optional(&["cover", "cover_url"], &["cover_url", "image_url"]),
];
/// What data write where they know no genre.
const NO_GENRE: &str = "none";

const fn optional(names: &'static [&'static str], headers: &'static [&'static str]) -> Wanted {
    Wanted { names, headers, required: false }
}

pub fn plan(
    path: PathBuf,
    columns: Columns,
    source: Source,
    rows_max: Option<u64>,
    now: DateTime<Utc>,
) -> anyhow::Result<Plan> {
    let total = {
        let mut table = Table::open(0, &path, rows_max)?;
        Reading::of(&table, &columns)?;
        count(&mut table)?
    };
    let files = vec![path.display().to_string()];
    let of_books = source.clone();
    let stage = Stage {
        name: "books",
        total,
        produce: Box::new(move |emit| emit_books(&path, &columns, &of_books, rows_max, now, emit)),
    };
    Ok(Plan { source, files, stages: vec![stage], places_orders: false })
}

struct Reading {
    places: [Place; WANTED.len()],
}

impl Reading {
    fn of(table: &Table, columns: &Columns) -> anyhow::Result<Self> {
        let places = columns.find(table, WANTED)?;
        if !places[0].is_some() && !places[1].is_some() {
            anyhow::bail!(Usage::new(format!(
                "which column is the title or the id? Say --columns title=COLUMN; there are {}",
                table.header().join(", "),
            )));
        }
        Ok(Self { places })
    }

    fn raw(&self, row: &Row<'_>) -> Raw {
        let [
            id,
            title,
            authors,
            author,
            isbn,
            publisher,
            year,
            series,
            genres,
            language,
            description,
            cover,
        ] = self.places.map(|place| place.of(row).to_owned());
        let mut names: Vec<String> = authors.split([',', ';']).map(str::to_owned).collect();
        names.push(author);
        names.retain(|name| !name.trim().is_empty());
        let key = match (id.as_str(), title.as_str()) {
            ("", "") => String::new(),
            // Without an id, title and authors say which book it is.
            ("", title) => format!("{title} / {}", names.join(", ")),
            (id, _) => id.to_owned(),
        };
        let genres = genres.split(['/', '|', ';']).map(str::trim);
        let genres = genres.filter(|genre| !genre.eq_ignore_ascii_case(NO_GENRE));
        let genres = genres.map(str::to_owned).collect();
        Raw {
            key,
            title,
            authors: names,
            isbn,
            publisher,
            year,
            series,
            genres,
            language,
            description,
            cover,
        }
    }
}

/// Rows that follow each other and name the same book are one book with several authors.
fn emit_books(
    path: &Path,
    columns: &Columns,
    source: &Source,
    rows_max: Option<u64>,
    now: DateTime<Utc>,
    emit: &mut Emit<'_>,
) -> anyhow::Result<()> {
    let mut table = Table::open(0, path, rows_max)?;
    let reading = Reading::of(&table, columns)?;
    let mut current: Option<(Raw, Vec<RowRef>)> = None;
    while let Some(line) = table.next()? {
        let row = match line {
            Line::Row(row) => row,
            Line::Unreadable { row, why } => {
                emit(Work::unreadable(row, why))?;
                continue;
            }
        };
        let (raw, reference) = (reading.raw(&row), row.reference());
        match &mut current {
            Some((book, rows)) if book.key == raw.key && book.title == raw.title => {
                let new = raw.authors.into_iter().filter(|name| !book.authors.contains(name));
                let new: Vec<String> = new.collect();
                book.authors.extend(new);
                rows.push(reference);
            }
            _ => {
                if let Some((book, rows)) = current.replace((raw, vec![reference])) {
                    emit(add_book(source, book, rows, now))?;
                }
            }
        }
    }
    if let Some((book, rows)) = current {
        emit(add_book(source, book, rows, now))?;
    }
    emit(Work::Blank { file: 0, lines: table.blank_lines })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::cli::import::{
        testing::{self, actions},
        work::Action,
    };

    fn works(path: PathBuf, columns: &str) -> Vec<Work> {
        let columns = Columns::parse(&[columns.to_owned()]).unwrap();
        let source = Source::new("test").unwrap();
        testing::run(plan(path, columns, source, None, DateTime::UNIX_EPOCH).unwrap())
    }

    #[test]
    fn the_whole_gutenberg_catalogue_goes_in() {
        let Some(folder) = testing::data("gutenberg-catalog") else { return };
        let works = works(folder.join("works.csv.zst"), "description=rights");
        let tasks = testing::tasks(&works);
        assert_eq!(tasks.len(), 78_766 - 3);
        assert_eq!(tasks.iter().map(|task| task.rows.len()).sum::<usize>(), 82_415 - 3);
        let refused =
            [("invalid-title", 52_501), ("invalid-title", 71_304), ("invalid-title", 71_311)];
        assert_eq!(testing::refusals(&works), refused, "control characters");
        let Action::AddBook { details, .. } = &tasks[0].action else { panic!("a book") };
        assert_eq!(details.authors.names()[0].as_str(), "Jefferson, Thomas");
        let untitled = tasks.iter().filter(|task| match &task.action {
            Action::AddBook { details, .. } => details.title.as_str() == "Item 90907",
            _ => false,
        });
        assert_eq!(untitled.count(), 1);
    }

    #[test]
    fn rows_of_a_scraped_file_are_one_book_as_often_as_they_say_the_same() {
        let Some(folder) = testing::data("dirty-imports") else { return };
        let file = folder.join("google_books_1299.csv.zst");
        let lenient = works(file.clone(), "author=author,isbn=,publisher=publisher");
        let keys: std::collections::HashSet<_> =
            testing::tasks(&lenient).into_iter().map(|task| &task.key).collect();
        let rows: usize = testing::tasks(&lenient).into_iter().map(|task| task.rows.len()).sum();
        assert_eq!((rows, keys.len()), (1_299, 944));
        let works = works(file, "title=title,author=author,isbn=ISBN");
        assert!(actions(&works).is_empty(), "not one ISBN of this file is whole");
        assert_eq!(testing::refusals(&works).len(), 1_299);
    }
}
