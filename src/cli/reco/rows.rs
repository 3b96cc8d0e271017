//! Files of who liked what: CSV, or fields with tabs between them, plain or zstd.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use recommender::protocol::Named;

use crate::cli::packed;

/// Heads of columns, the part before a colon, in lower case.
const PEOPLE: &[&str] = &["user_id", "user", "reader", "person", "account", "student"];
const ITEMS: &[&str] = &["item_id", "book_id", "item", "book", "movie_id", "product", "course"];
const RATINGS: &[&str] = &["rating", "score", "stars"];
const TIMES: &[&str] = &["timestamp", "time", "seq", "position"];

/// The rows of a file; those whose pair is in `known` already are left out.
pub fn read(file: &Path, known: &mut HashSet<(String, String)>) -> anyhow::Result<Vec<Named>> {
    let text = packed::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    parse(&text, known).with_context(|| format!("in {}", file.display()))
}

fn parse(text: &[u8], known: &mut HashSet<(String, String)>) -> anyhow::Result<Vec<Named>> {
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let delimiter = if first.contains(&b'\t') { b'\t' } else { b',' };
    let mut csv = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text);
    let heads: Vec<String> = csv
        .headers()?
        .iter()
        .map(|head| head.split(':').next().unwrap_or_default().trim().to_lowercase())
        .collect();
    let column = |names: &[&str]| heads.iter().position(|head| names.contains(&head.as_str()));
    let (Some(person), Some(item)) = (column(PEOPLE), column(ITEMS)) else {
        bail!(
            "the first line names no column of people ({}) or none of items ({})",
            PEOPLE.join(", "),
            ITEMS.join(", ")
        );
    };
    let (rating, time) = (column(RATINGS), column(TIMES));
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    while csv.read_record(&mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        let text = |column: usize| record.get(column).unwrap_or_default().trim();
        let number = |column: Option<usize>, otherwise: f64| match column.map(text) {
            None => Ok(otherwise),
            Some(text) => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(number),
                _ => bail!("line {line}: '{text}' is not a number"),
            },
        };
        let pair = (text(person).to_owned(), text(item).to_owned());
        ensure!(!pair.0.is_empty() && !pair.1.is_empty(), "line {line} lacks a person or an item");
        let named = Named {
            person: pair.0.clone(),
            item: pair.1.clone(),
            rating: number(rating, 1.0)?,
            time: number(time, 0.0)? as i64,
        };
        if known.insert(pair) {
            rows.push(named);
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> anyhow::Result<Vec<Named>> {
        parse(text.as_bytes(), &mut HashSet::new())
    }

    fn named(person: &str, item: &str, rating: f64, time: i64) -> Named {
        Named { person: person.to_owned(), item: item.to_owned(), rating, time }
    }

    #[test]
    fn columns_are_found_by_their_heads() -> anyhow::Result<()> {
        let recbole =
            "user_id:token\titem_id:token\trating:float\ttimestamp:float\n196\t242\t3\t881\n";
        assert_eq!(parsed(recbole)?, [named("196", "242", 3.0, 881)]);
        let goodbooks = "seq,user_id,book_id,rating\n7,58,26,1\n8,58,26,5\n";
        assert_eq!(parsed(goodbooks)?, [named("58", "26", 1.0, 7)], "a pair counts once");
        assert_eq!(parsed("user_id,book_id\n1,8\n")?, [named("1", "8", 1.0, 0)]);
        Ok(())
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_line() {
        for (text, said) in [
            ("user_id,title\n1,2\n", "no column of people"),
            ("user_id,book_id,rating\n1,2,good\n", "line 2: 'good' is not a number"),
            ("user_id,book_id\n1,2\n,2\n", "line 3 lacks a person or an item"),
        ] {
            let error = parsed(text).expect_err("it cannot be read").to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
