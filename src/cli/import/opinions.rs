//! Anybody's ratings and favourites: who, what, and how much.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use domain::{BookId, rating::Score};

use super::{
    book_row::Raw,
    columns::{Columns, Place, Usage, Wanted},
    source::{Source, existing},
    table::{Line, Row, Table},
    when,
    work::{Action, Emit, Plan, Stage, Work, accounts},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ratings,
    Favourites,
}

const READER: Wanted =
    Wanted { names: &["reader", "user"], headers: &["reader", "user_id", "user"], required: true };
const ITEM: Wanted = Wanted {
    names: &["item", "book"],
    headers: &["item", "item_id", "book_id", "book", "isbn"],
    required: true,
};
const AT: Wanted =
    Wanted { names: &["at", "time"], headers: &["at", "timestamp"], required: false };
/// Whole points from 0 to 10.
const POINTS: Wanted =
    Wanted { names: &["score", "points"], headers: &["score", "points"], required: false };
/// Up to 5 stars, halves too.
const STARS: Wanted = Wanted { names: &["stars"], headers: &["stars"], required: false };
/// The file's values decide which of the two.
const RATING: Wanted =
    Wanted { names: &["rating"], headers: &["rating", "book-rating"], required: false };

const STARS_MAX: f64 = 5.0;

pub fn plan(
    kind: Kind,
    path: PathBuf,
    columns: Columns,
    source: Source,
    rows_max: Option<u64>,
    now: DateTime<Utc>,
) -> anyhow::Result<Plan> {
    let survey = Survey::of(kind, &path, &columns, rows_max, now)?;
    let files = vec![path.display().to_string()];
    let items = survey.items;
    let (of_items, of_rows) = (source.clone(), source.clone());
    let stages = vec![
        accounts(&source, "Reader", Arc::new(survey.readers)),
        Stage {
            name: "items",
            total: items.len() as u64,
            produce: Box::new(move |emit| emit_stand_ins(&items, &of_items, now, emit)),
        },
        Stage {
            name: match kind {
                Kind::Ratings => "ratings",
                Kind::Favourites => "favourites",
            },
            total: survey.rows,
            produce: Box::new(move |emit| {
                let mut table = Table::open(0, &path, rows_max)?;
                let reading = Reading::of(kind, &table, &columns, now)?;
                while let Some(line) = table.next()? {
                    emit(match line {
                        Line::Unreadable { row, why } => Work::unreadable(row, why),
                        Line::Row(row) => reading.work(&row, survey.factor, &of_rows),
                    })?;
                }
                emit(Work::Blank { file: 0, lines: table.blank_lines })
            }),
        },
    ];
    Ok(Plan { source, files, stages, places_orders: false })
}

/// What the file speaks of, known before the first command.
struct Survey {
    readers: Vec<(Box<str>, DateTime<Utc>)>,
    items: Vec<Box<str>>,
    rows: u64,
    factor: f64,
}

impl Survey {
    fn of(
        kind: Kind,
        path: &Path,
        columns: &Columns,
        rows_max: Option<u64>,
        now: DateTime<Utc>,
    ) -> anyhow::Result<Self> {
        let mut table = Table::open(0, path, rows_max)?;
        let reading = Reading::of(kind, &table, columns, now)?;
        let (mut readers, mut items) = (Vec::new(), Vec::new());
        let (mut known_readers, mut known_items) = (HashSet::new(), HashSet::new());
        let (mut rows, mut highest, mut halves) = (0, 0.0_f64, false);
        while let Some(line) = table.next()? {
            rows += 1;
            let Line::Row(row) = line else { continue };
            let Ok(Opinion { reader, item, value, at }) = reading.opinion(&row) else { continue };
            if existing(reader).is_none() && !known_readers.contains(reader) {
                known_readers.insert(Box::<str>::from(reader));
                readers.push((reader.into(), at));
            }
            if existing(item).is_none() && !known_items.contains(item) {
                known_items.insert(Box::<str>::from(item));
                items.push(item.into());
            }
            highest = highest.max(value);
            halves |= value.fract() != 0.0;
        }
        let are_stars = match reading.meaning {
            Meaning::Stars => true,
            // Half points do not exist, so a file with halves counts stars.
            Meaning::Points => halves,
            Meaning::Either => highest <= STARS_MAX,
        };
        Ok(Self { readers, items, rows, factor: if are_stars { 2.0 } else { 1.0 } })
    }
}

#[derive(Debug, Clone, Copy)]
enum Meaning {
    Points,
    Stars,
    Either,
}

struct Reading {
    reader: Place,
    item: Place,
    at: Place,
    value: Option<Place>,
    meaning: Meaning,
    now: DateTime<Utc>,
}

struct Opinion<'t> {
    reader: &'t str,
    item: &'t str,
    value: f64,
    at: DateTime<Utc>,
}

impl Reading {
    fn of(
        kind: Kind,
        table: &Table,
        columns: &Columns,
        now: DateTime<Utc>,
    ) -> anyhow::Result<Self> {
        let plain = |reader, item, at| Self {
            reader,
            item,
            at,
            value: None,
            meaning: Meaning::Points,
            now,
        };
        if kind == Kind::Favourites {
            let [reader, item, at] = columns.find(table, [READER, ITEM, AT])?;
            return Ok(plain(reader, item, at));
        }
        let [reader, item, at, points, stars, rating] =
            columns.find(table, [READER, ITEM, AT, POINTS, STARS, RATING])?;
        let (value, meaning) = match (points.is_some(), stars.is_some(), rating.is_some()) {
            (true, _, _) => (points, Meaning::Points),
            (_, true, _) => (stars, Meaning::Stars),
            (_, _, true) => (rating, Meaning::Either),
            _ => anyhow::bail!(Usage::new(format!(
                "which column is the score? Say --columns score=COLUMN (0 to 10) or \
                 stars=COLUMN (up to 5); there are {}",
                table.header().join(", "),
            ))),
        };
        Ok(Self { value: Some(value), meaning, ..plain(reader, item, at) })
    }

    fn opinion<'t>(&self, row: &Row<'t>) -> Result<Opinion<'t>, String> {
        let (reader, item, at) = (self.reader.of(row), self.item.of(row), self.at.of(row));
        if reader.is_empty() || item.is_empty() {
            return Err("it names no reader or no item".to_owned());
        }
        let value = match self.value.map(|place| place.of(row)) {
            None => 0.0,
            Some(text) => match text.parse::<f64>() {
                Ok(value) if value.is_finite() => value,
                _ => return Err(format!("'{text}' is not a score")),
            },
        };
        let at = match at {
            "" => self.now,
            text => when::parse(text).ok_or_else(|| format!("'{text}' is not a time"))?,
        };
        Ok(Opinion { reader, item, value, at })
    }

    fn work(&self, row: &Row<'_>, factor: f64, source: &Source) -> Work {
        let Opinion { reader, item, value, at } = match self.opinion(row) {
            Ok(opinion) => opinion,
            Err(why) => return Work::unreadable(row.reference(), why),
        };
        let (reader, book) = (source.account(reader), source.id::<BookId>("book", item));
        let (noun, action) = if self.value.is_some() {
            let points = value * factor;
            let whole = (0.0..=255.0).contains(&points) && points.fract() == 0.0;
            let score = if whole { Score::try_from(points as u8).ok() } else { None };
            let Some(score) = score else {
                let detail = format!("{points} is not a whole score from 0 to 10");
                return Work::refused(row.reference(), "invalid-score", detail);
            };
            ("rating", Action::Rate { reader, item: book.into(), score })
        } else {
            ("favourite", Action::Favourite { reader, item: book.into() })
        };
        Work::send(
            source.command_id(&format!("{noun}:{}", row.line), row.text()),
            reader.uuid().as_u128() ^ book.uuid().as_u128(),
            at,
            action,
            row.reference(),
        )
    }
}

/// Books that nobody has described, so that there is something to rate.
fn emit_stand_ins(
    items: &[Box<str>],
    source: &Source,
    at: DateTime<Utc>,
    emit: &mut Emit<'_>,
) -> anyhow::Result<()> {
    for item in items {
        let book = source.id::<BookId>("book", item);
        // A name too long for a title has no stand-in; its rows are refused as of an unknown item.
        let Ok(details) = Raw::stand_in(item).details() else { continue };
        let action = Action::StandIn { book, details: Box::new(details) };
        emit(Work::prepare(format!("item:{item}"), book.uuid().as_u128(), at, action))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::cli::import::testing::{self, actions};

    fn works(kind: Kind, path: PathBuf, columns: &str) -> Vec<Work> {
        let columns = Columns::parse(&[columns.to_owned()]).unwrap();
        let source = Source::new("test").unwrap();
        testing::run(plan(kind, path, columns, source, None, DateTime::UNIX_EPOCH).unwrap())
    }

    fn points(file: &str, columns: &str) -> Vec<u8> {
        let name = format!("daybook-opinions-{}-{:p}", std::process::id(), columns.as_ptr());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, file).unwrap();
        let works = works(Kind::Ratings, path.clone(), columns);
        std::fs::remove_file(path).unwrap();
        let score = |action: &&Action| match action {
            Action::Rate { score, .. } => Some(score.points()),
            _ => None,
        };
        actions(&works).iter().filter_map(score).collect()
    }

    #[test]
    fn stars_are_doubled_and_points_are_not() {
        let file = "reader,item,value\n1,a,3\n2,a,5\n";
        assert_eq!(points(file, "stars=value"), [6, 10]);
        assert_eq!(points(file, "score=value"), [3, 5]);
        assert_eq!(points(file, "rating=value"), [6, 10]);
        assert_eq!(points("reader,item,value\n1,a,3\n2,a,10\n", " rating=value"), [3, 10]);
        assert_eq!(points("reader,item,value\n1,a,3.5\n2,a,4\n", " score=value"), [7, 8]);
    }

    #[test]
    fn filmtrust_adds_up() {
        let Some(folder) = testing::data("filmtrust") else { return };
        let columns = "reader=user_id,item=item_id,stars=rating";
        let works = works(Kind::Ratings, folder.join("ratings_train.csv.zst"), columns);
        assert_eq!(actions(&works).len(), 1_508 + 1_999 + 32_041);
    }

    #[test]
    fn douban_reads_as_favourites() {
        let Some(folder) = testing::data("douban-book") else { return };
        let columns = "reader=user_id,item=book_id";
        let path = folder.join("sample/reads_200users.csv");
        let works = works(Kind::Favourites, path, columns);
        let favourites =
            actions(&works).into_iter().filter(|action| matches!(action, Action::Favourite { .. }));
        assert_eq!(favourites.count(), 12_110);
    }

    #[test]
    fn a_table_ruined_by_a_spreadsheet_still_gives_its_good_rows() {
        let Some(folder) = testing::data("dirty-imports") else { return };
        let path = folder.join("bx_book_ratings_mangled.csv.zst");
        let works = works(Kind::Ratings, path, "reader=User-ID,item=ISBN,rating=Book-Rating");
        let rated = |action: &&Action| matches!(action, Action::Rate { .. });
        assert_eq!(actions(&works).into_iter().filter(rated).count(), 9_000);
        assert_eq!(testing::unreadable(&works), [438_648, 543_301, 723_139, 738_100, 908_732]);
        assert!(testing::refusals(&works).is_empty());
        assert!(works.iter().any(|work| matches!(work, Work::Blank { lines: 899_726, .. })));
    }
}
