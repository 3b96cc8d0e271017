//! What became of every row.

mod as_json;
mod as_text;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    time::Duration,
};

use anyhow::Context as _;
use serde_json::json;

use super::table::RowRef;

/// How many rows of a kind are quoted; `--report` has them all.
const FIRST_MAX: usize = 5;

/// What the system said to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// An earlier run had sent it.
    AlreadyThere,
    /// Accepted, but everything was so already.
    NothingChanged,
    Refused {
        code: String,
        detail: String,
    },
}

#[derive(Debug)]
pub struct Report {
    source: String,
    counts_money: bool,
    files: Vec<FileReport>,
    /// Commands no row stands for, by what they make.
    prepared: BTreeMap<&'static str, Prepared>,
    stages: Vec<(&'static str, u64, Duration)>,
    /// Every row that did not go in, one JSON object a line.
    full: Option<BufWriter<File>>,
    pub dry_run: bool,
    /// Why it ended early.
    pub failure: Option<String>,
}

#[derive(Debug, Default)]
struct FileReport {
    path: String,
    /// By the kind of command the rows turned into.
    accepted: BTreeMap<&'static str, Sum>,
    already_there: u64,
    nothing_changed: u64,
    refused: BTreeMap<String, Group>,
    unreadable: Group,
    blank_lines: u64,
}

#[derive(Debug, Default)]
struct Prepared {
    made: u64,
    already_there: u64,
    nothing_changed: u64,
    refused: BTreeMap<String, (u64, String)>,
}

/// Rows, and what they are worth in thousandths of a minor unit.
#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    rows: u64,
    worth: i64,
}

#[derive(Debug, Default)]
struct Group {
    sum: Sum,
    first: Vec<Quote>,
}

#[derive(Debug)]
struct Quote {
    line: u64,
    text: Box<str>,
    detail: String,
}

impl Sum {
    fn add(&mut self, row: &RowRef) {
        self.rows += 1;
        self.worth += row.worth;
    }

    fn of(sums: impl Iterator<Item = Self>) -> Self {
        sums.fold(Self::default(), |a, b| Self { rows: a.rows + b.rows, worth: a.worth + b.worth })
    }
}

impl Group {
    fn add(&mut self, row: RowRef, detail: &str) {
        self.sum.add(&row);
        // Answers come in any order; quoted are the first rows of the file.
        let place = self.first.partition_point(|quote| quote.line < row.line);
        if place < FIRST_MAX {
            let quote = Quote { line: row.line, text: row.text, detail: detail.to_owned() };
            self.first.insert(place, quote);
            self.first.truncate(FIRST_MAX);
        }
    }
}

impl FileReport {
    fn sums(&self) -> [Sum; 3] {
        [
            Sum::of(self.accepted.values().copied()),
            Sum::of(self.refused.values().map(|group| group.sum)),
            self.unreadable.sum,
        ]
    }
}

impl Report {
    pub fn new(source: &str, files: &[String], counts_money: bool) -> Self {
        let file = |path: &String| FileReport { path: path.clone(), ..FileReport::default() };
        Self {
            source: source.to_owned(),
            counts_money,
            files: files.iter().map(file).collect(),
            prepared: BTreeMap::new(),
            stages: Vec::new(),
            full: None,
            dry_run: false,
            failure: None,
        }
    }

    pub fn write_to(&mut self, path: &Path) -> anyhow::Result<()> {
        let file = File::create(path)
            .with_context(|| format!("the report cannot be written to {}", path.display()))?;
        self.full = Some(BufWriter::new(file));
        Ok(())
    }

    pub fn refused(&mut self, rows: Vec<RowRef>, code: &str, detail: &str) -> anyhow::Result<()> {
        for row in rows {
            self.note("refused", code, detail, &row)?;
            let groups = &mut self.files[row.file].refused;
            match groups.get_mut(code) {
                Some(group) => group.add(row, detail),
                None => groups.entry(code.to_owned()).or_default().add(row, detail),
            }
        }
        Ok(())
    }

    pub fn unreadable(&mut self, rows: Vec<RowRef>, why: &str) -> anyhow::Result<()> {
        for row in rows {
            self.note("unreadable", "unreadable", why, &row)?;
            self.files[row.file].unreadable.add(row, why);
        }
        Ok(())
    }

    pub fn blank(&mut self, file: usize, lines: u64) {
        self.files[file].blank_lines += lines;
    }

    pub fn settled(
        &mut self,
        noun: &'static str,
        rows: Vec<RowRef>,
        outcome: Outcome,
    ) -> anyhow::Result<()> {
        if rows.is_empty() {
            let prepared = self.prepared.entry(noun).or_default();
            match outcome {
                Outcome::Done => prepared.made += 1,
                Outcome::AlreadyThere => prepared.already_there += 1,
                Outcome::NothingChanged => prepared.nothing_changed += 1,
                Outcome::Refused { code, detail } => {
                    prepared.refused.entry(code).or_insert((0, detail)).0 += 1;
                }
            }
            return Ok(());
        }
        if let Outcome::Refused { code, detail } = outcome {
            return self.refused(rows, &code, &detail);
        }
        for row in rows {
            let file = &mut self.files[row.file];
            file.accepted.entry(noun).or_default().add(&row);
            file.already_there += u64::from(outcome == Outcome::AlreadyThere);
            file.nothing_changed += u64::from(outcome == Outcome::NothingChanged);
        }
        Ok(())
    }

    pub fn stage_done(&mut self, name: &'static str, works: u64, took: Duration) {
        self.stages.push((name, works, took));
    }

    fn note(&mut self, kind: &str, code: &str, detail: &str, row: &RowRef) -> anyhow::Result<()> {
        let Some(full) = &mut self.full else { return Ok(()) };
        let note = json!({
            "file": self.files[row.file].path,
            "line": row.line,
            "outcome": kind,
            "code": code,
            "detail": detail,
            "row": row.text,
        });
        writeln!(full, "{note}").context("the report cannot be written")
    }

    /// Ends the file of the full report with the sums.
    pub fn finish(&mut self) -> anyhow::Result<()> {
        let sums = self.json();
        let Some(mut full) = self.full.take() else { return Ok(()) };
        writeln!(full, "{sums}").and_then(|()| full.flush()).context("the report cannot be written")
    }
}

/// Thousandths of a penny as pence, with decimals only where there are any.
fn pence(thousandths: i64) -> String {
    let (whole, rest) = (thousandths / 1000, (thousandths % 1000).abs());
    let sign = if thousandths < 0 { "-" } else { "" };
    let text = format!("{sign}{}.{rest:03}", whole.abs());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn row(line: u64, worth: i64) -> RowRef {
        RowRef::new(0, line, "a,b").worth(worth)
    }

    #[test]
    fn every_row_is_counted_once_and_its_money_too() {
        let mut report = Report::new("test", &["file.csv".to_owned()], true);
        report.settled("orders", vec![row(2, 255_000), row(3, 100)], Outcome::Done).unwrap();
        report.settled("orders", vec![row(4, 1000)], Outcome::AlreadyThere).unwrap();
        let code = "out-of-stock".to_owned();
        let refused = Outcome::Refused { code, detail: "none left".to_owned() };
        report.settled("orders", vec![row(5, -1000)], refused).unwrap();
        report.unreadable(vec![row(6, 0)], "why").unwrap();
        report.settled("accounts", vec![], Outcome::Done).unwrap();
        report.blank(0, 7);
        let json = report.json();
        let file = &json["files"][0];
        assert_eq!(file["rows"], json!({ "rows": 5, "pence": "255.1" }));
        assert_eq!(file["accepted"]["rows"], 3);
        assert_eq!(file["accepted"]["already_there"], 1);
        assert_eq!(file["accepted"]["pence"], "256.1");
        assert_eq!(file["refused"]["by_code"]["out-of-stock"]["pence"], "-1");
        assert_eq!(file["refused"]["by_code"]["out-of-stock"]["first"][0]["line"], 5);
        assert_eq!((&file["unreadable"]["rows"], &file["blank_lines"]), (&json!(1), &json!(7)));
        assert_eq!(json["prepared"]["accounts"]["made"], 1);
        assert!(report.to_string().contains("line 5: none left: a,b"), "{report}");
    }

    #[test]
    fn pence_have_decimals_only_when_needed() {
        assert_eq!([0, 1000, 100, -1_100, -100].map(pence), ["0", "1", "0.1", "-1.1", "-0.1"]);
    }
}
