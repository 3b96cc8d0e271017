//! A table in a file: named columns, and rows that may be unreadable.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use super::records::{Fields, Record, Records};

/// How much of a row is quoted where it is reported.
const QUOTE_CHARS_MAX: usize = 300;
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The first of `names` that is in `folder`, plain or with `.zst` behind it.
pub fn find(folder: &Path, names: &[&str]) -> anyhow::Result<PathBuf> {
    let candidates = names.iter().flat_map(|name| [name.to_string(), format!("{name}.zst")]);
    for candidate in candidates {
        let path = folder.join(candidate);
        if path.is_file() {
            return Ok(path);
        }
    }
    bail!("{} holds none of {} (plain or .zst)", folder.display(), names.join(", "))
}

/// A row as it stands in a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowRef {
    /// Which of the import's files.
    pub file: usize,
    pub line: u64,
    pub text: Box<str>,
    /// What the row is worth, in thousandths of a minor unit; 0 where rows carry no money.
    pub worth: i64,
}

impl RowRef {
    pub fn new(file: usize, line: u64, text: &str) -> Self {
        let mut quoted: String = text.chars().take(QUOTE_CHARS_MAX).collect();
        if quoted.len() < text.len() {
            quoted.push('…');
        }
        Self { file, line, text: quoted.into(), worth: 0 }
    }

    pub fn worth(self, worth: i64) -> Self {
        Self { worth, ..self }
    }
}

/// One row with as many fields as the table has columns.
#[derive(Debug, Clone, Copy)]
pub struct Row<'t> {
    file: usize,
    pub line: u64,
    /// All fields with commas between them.
    text: &'t str,
    ends: &'t [usize],
}

impl<'t> Row<'t> {
    /// The field of that column, without blanks around it; `""` when empty.
    pub fn field(&self, column: usize) -> &'t str {
        let start = if column == 0 { 0 } else { self.ends[column - 1] + 1 };
        self.text[start..self.ends[column]].trim()
    }

    pub fn text(&self) -> &'t str {
        self.text
    }

    pub fn reference(&self) -> RowRef {
        RowRef::new(self.file, self.line, self.text)
    }
}

/// What stands in the file where a row should.
#[derive(Debug)]
pub enum Line<'t> {
    Row(Row<'t>),
    Unreadable { row: RowRef, why: String },
}

pub struct Table {
    file: usize,
    records: Records<Box<dyn Read + Send>>,
    header: Vec<String>,
    /// Rows still to be read before the caller's limit.
    left: u64,
    /// Lines that hold nothing but commas and blanks: neither rows nor failures.
    pub blank_lines: u64,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("header", &self.header).finish_non_exhaustive()
    }
}

impl Table {
    pub fn open(file: usize, path: &Path, rows_max: Option<u64>) -> anyhow::Result<Self> {
        let opened = || -> anyhow::Result<Self> {
            Self::read(file, decompressed(File::open(path)?)?, rows_max)
        };
        opened().with_context(|| format!("cannot read {}", path.display()))
    }

    /// The table in `input`, whose first line that is not blank names the columns.
    pub fn read(
        file: usize,
        input: Box<dyn Read + Send>,
        rows_max: Option<u64>,
    ) -> anyhow::Result<Self> {
        let mut records = Records::new(input);
        let mut blank_lines = 0;
        let header = loop {
            match records.next()? {
                None => bail!("the file is empty"),
                Some((line, Record::Broken(_))) => {
                    bail!("line {line} should name the columns, but its quotes do not match")
                }
                Some((_, Record::Fields(fields))) if is_blank(fields) => blank_lines += 1,
                Some((_, Record::Fields(fields))) => {
                    let text = std::str::from_utf8(&fields.bytes)
                        .context("the line that names the columns is not UTF-8")?;
                    let row = Row { file, line: 0, text, ends: &fields.ends };
                    break (0..fields.ends.len()).map(|at| row.field(at).to_owned()).collect();
                }
            }
        };
        Ok(Self { file, records, header, left: rows_max.unwrap_or(u64::MAX), blank_lines })
    }

    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The place of the column of that name, in any case.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column.eq_ignore_ascii_case(name))
    }

    /// The places of columns the table cannot do without.
    pub fn columns<const N: usize>(&self, names: [&str; N]) -> anyhow::Result<[usize; N]> {
        let mut places = [0; N];
        for (place, name) in places.iter_mut().zip(names) {
            *place = self.column(name).with_context(|| {
                format!("there is no column '{name}', only {}", self.header.join(", "))
            })?;
        }
        Ok(places)
    }

    pub fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        if self.left == 0 {
            return Ok(None);
        }
        // A record returned from inside the loop would be borrowed across its next turn, so the
        // loop leaves it where it is.
        let line = loop {
            match self.records.next()? {
                None => return Ok(None),
                Some((line, Record::Broken(bytes))) => {
                    self.left -= 1;
                    let row = RowRef::new(self.file, line, &String::from_utf8_lossy(&bytes));
                    let why = "its quotes do not match".to_owned();
                    return Ok(Some(Line::Unreadable { row, why }));
                }
                Some((_, Record::Fields(fields))) if is_blank(fields) => self.blank_lines += 1,
                Some((line, Record::Fields(_))) => break line,
            }
        };
        self.left -= 1;
        let fields = self.records.fields();
        let unreadable = |why| {
            let text = String::from_utf8_lossy(&fields.bytes);
            let row = RowRef::new(self.file, line, text.strip_suffix(',').unwrap_or(&text));
            Ok(Some(Line::Unreadable { row, why }))
        };
        let (found, expected) = (fields.ends.len(), self.header.len());
        if found != expected {
            return unreadable(format!("it has {found} columns and not {expected}"));
        }
        match std::str::from_utf8(&fields.bytes) {
            Err(_) => unreadable("it is not UTF-8".to_owned()),
            Ok(text) => {
                let text = text.strip_suffix(',').unwrap_or(text);
                Ok(Some(Line::Row(Row { file: self.file, line, text, ends: &fields.ends })))
            }
        }
    }
}

fn decompressed(mut file: File) -> io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::with_capacity(ZSTD_MAGIC.len());
    (&mut file).take(ZSTD_MAGIC.len() as u64).read_to_end(&mut magic)?;
    let whole = io::Cursor::new(magic.clone()).chain(file);
    if magic == ZSTD_MAGIC {
        Ok(Box::new(zstd::Decoder::new(whole)?))
    } else {
        Ok(Box::new(BufReader::new(whole)))
    }
}

fn is_blank(fields: &Fields) -> bool {
    fields.bytes.iter().all(|byte| matches!(byte, b',' | b' ' | b'\t' | b'\r' | b'\n'))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn table(bytes: &'static [u8]) -> Table {
        Table::read(0, Box::new(bytes), None).unwrap()
    }

    /// Each line as `line number: fields` or `line number! why`.
    fn lines(table: &mut Table) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = table.next().unwrap() {
            lines.push(match line {
                Line::Row(row) => format!("{}: {}", row.line, row.text()),
                Line::Unreadable { row, why } => format!("{}! {why}", row.line),
            });
        }
        lines
    }

    #[test]
    fn rows_with_another_number_of_columns_are_unreadable_one_by_one() {
        let mut table = table(b"a,b\n1\n1,2\n1,2,3\n");
        assert_eq!(
            lines(&mut table),
            ["2! it has 1 columns and not 2", "3: 1,2", "4! it has 3 columns and not 2"]
        );
    }

    #[test]
    fn a_row_that_is_not_utf_8_is_unreadable_alone() {
        let mut table = table(b"a,b\n\xa3,2\n1,\xc3\n\xa9,\xc3\xa9\n");
        assert_eq!(
            lines(&mut table),
            ["2! it is not UTF-8", "3! it is not UTF-8", "4! it is not UTF-8"]
        );
    }

    #[test]
    fn lines_of_bare_commas_are_neither_rows_nor_failures() {
        let mut table = table(b",\r,\ra,b\r,\r1,2\r,\r\r,\r");
        assert_eq!(lines(&mut table), ["5: 1,2"]);
        assert_eq!(table.blank_lines, 6);
    }

    #[test]
    fn columns_are_found_by_name_in_any_case() {
        let mut table = table(b"User-ID,Book-Rating\n 7 ,\n");
        let [user, rating] = table.columns(["user-id", "book-rating"]).unwrap();
        let Some(Line::Row(row)) = table.next().unwrap() else { panic!("a row") };
        assert_eq!((row.field(user), row.field(rating)), ("7", ""));
        let missing = table.columns(["isbn"]).unwrap_err().to_string();
        assert_eq!(missing, "there is no column 'isbn', only User-ID, Book-Rating");
    }

    #[test]
    fn a_compressed_file_reads_like_a_plain_one() {
        let folder = std::env::temp_dir().join(format!("daybook-table-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("plain.csv"), "a,b\n1,2\n").unwrap();
        let packed = zstd::encode_all(&b"a,b\n1,2\n"[..], 1).unwrap();
        std::fs::write(folder.join("packed.csv.zst"), packed).unwrap();
        for name in ["plain.csv", "packed.csv"] {
            let path = find(&folder, &["absent.csv", name]).unwrap();
            assert_eq!(lines(&mut Table::open(0, &path, None).unwrap()), ["2: 1,2"]);
        }
        assert!(find(&folder, &["absent.csv"]).is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn no_more_rows_are_read_than_asked_for() {
        let mut table = Table::read(0, Box::new(&b"a\n1\n2\n3\n"[..]), Some(2)).unwrap();
        assert_eq!(lines(&mut table), ["2: 1", "3: 2"]);
    }
}
