//! The records of a comma-separated file, one at a time, however broken the file is.
//!
//! Well-formed files read as with the `csv` crate. This reader differs where real files are not:
//! a quote that never closes costs one line and not the rest of the file, no record grows without
//! bound, and line numbers are right whatever ends the lines (LF, CR LF, or the CR alone that old
//! spreadsheets write).

use std::io::{self, Read};

/// A longer record is taken for one whose quote never closes.
pub const RECORD_BYTES_MAX: usize = 256 * 1024;
const CHUNK_BYTES: usize = 64 * 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The fields of one record, unquoted, with a comma between them.
#[derive(Debug, Default)]
pub struct Fields {
    pub bytes: Vec<u8>,
    /// Where each field ends in `bytes`.
    pub ends: Vec<usize>,
}

impl Fields {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn end_field(&mut self) {
        self.ends.push(self.bytes.len());
        self.bytes.push(b',');
    }
}

#[derive(Debug)]
pub enum Record<'r> {
    Fields(&'r Fields),
    /// Not a record: the bytes of its first line. The lines after it are tried on their own.
    Broken(Vec<u8>),
}

#[derive(Debug)]
pub struct Records<R> {
    input: R,
    buffer: Vec<u8>,
    /// The next record starts here in `buffer`.
    start: usize,
    ended: bool,
    line: u64,
    fields: Fields,
}

impl<R: Read> Records<R> {
    pub fn new(input: R) -> Self {
        Self {
            input,
            buffer: Vec::with_capacity(2 * CHUNK_BYTES),
            start: 0,
            ended: false,
            line: 0,
            fields: Fields::default(),
        }
    }

    /// The next record and the line it starts on, counted from 1.
    pub fn next(&mut self) -> io::Result<Option<(u64, Record<'_>)>> {
        if self.line == 0 {
            self.skip_byte_order_mark()?;
            self.line = 1;
        }
        loop {
            let rest = &self.buffer[self.start..];
            if rest.is_empty() && self.ended {
                return Ok(None);
            }
            let line = self.line;
            match split(rest, self.ended, &mut self.fields) {
                Split::Whole { bytes, lines } => {
                    self.start += bytes;
                    self.line += lines;
                    return Ok(Some((line, Record::Fields(&self.fields))));
                }
                Split::More if rest.len() <= RECORD_BYTES_MAX => self.fill()?,
                Split::More | Split::Broken => {
                    let text = self.take_line()?;
                    self.line += 1;
                    return Ok(Some((line, Record::Broken(text))));
                }
            }
        }
    }

    /// The fields of the record that `next` gave last.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    fn skip_byte_order_mark(&mut self) -> io::Result<()> {
        while self.buffer.len() < BYTE_ORDER_MARK.len() && !self.ended {
            self.fill()?;
        }
        if self.buffer.starts_with(BYTE_ORDER_MARK) {
            self.start = BYTE_ORDER_MARK.len();
        }
        Ok(())
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let filled = self.buffer.len();
        self.buffer.resize(filled + CHUNK_BYTES, 0);
        let read = loop {
            match self.input.read(&mut self.buffer[filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.buffer.truncate(filled + read);
        self.ended = read == 0;
        Ok(())
    }

    /// Takes everything up to the next line end out of the buffer and keeps its beginning.
    fn take_line(&mut self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            let rest = &self.buffer[self.start..];
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let bytes = end.unwrap_or(rest.len());
            let room = RECORD_BYTES_MAX.saturating_sub(text.len());
            text.extend_from_slice(&rest[..bytes.min(room)]);
            self.start += bytes;
            if end.is_some() {
                break;
            }
            if self.ended {
                return Ok(text);
            }
            self.fill()?;
        }
        if self.start + 1 == self.buffer.len() && !self.ended {
            self.fill()?;
        }
        let both = self.buffer[self.start..].starts_with(b"\r\n");
        self.start += if both { 2 } else { 1 };
        Ok(text)
    }
}

enum Split {
    Whole {
        bytes: usize,
        lines: u64,
    },
    /// The record may go on behind these bytes.
    More,
    Broken,
}

#[derive(Clone, Copy)]
enum State {
    FieldStart,
    Plain,
    Quoted,
    /// Behind a quote inside a quoted field: it ends the field, unless another one follows.
    Closed,
}

/// Takes one record from the front of `bytes`; with `ended`, nothing follows them.
fn split(bytes: &[u8], ended: bool, fields: &mut Fields) -> Split {
    fields.clear();
    let mut state = State::FieldStart;
    let mut lines = 1;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        match (state, byte) {
            (State::Quoted, b'"') => state = State::Closed,
            (State::Quoted, _) => {
                lines += u64::from(byte == b'\n' || (byte == b'\r' && next != Some(b'\n')));
                fields.bytes.push(byte);
            }
            (State::Closed, b'"') => {
                fields.bytes.push(byte);
                state = State::Quoted;
            }
            (State::FieldStart, b'"') => state = State::Quoted,
            (_, b',') => {
                fields.end_field();
                state = State::FieldStart;
            }
            (_, b'\r') if next.is_none() && !ended => return Split::More,
            (_, b'\n' | b'\r') => {
                fields.end_field();
                let both = byte == b'\r' && next == Some(b'\n');
                return Split::Whole { bytes: at + if both { 2 } else { 1 }, lines };
            }
            (State::Closed, b' ') => {}
            (State::Closed, _) => return Split::Broken,
            (State::FieldStart | State::Plain, _) => {
                fields.bytes.push(byte);
                state = State::Plain;
            }
        }
        at += 1;
    }
    match state {
        _ if !ended => Split::More,
        State::Quoted => Split::Broken,
        State::FieldStart | State::Plain | State::Closed => {
            fields.end_field();
            Split::Whole { bytes: at, lines }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// Gives one byte at a time, so that every buffer end is tried.
    struct Dripping<'b>(&'b [u8]);

    impl Read for Dripping<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let bytes = self.0.len().min(1);
            buffer[..bytes].copy_from_slice(&self.0[..bytes]);
            self.0 = &self.0[bytes..];
            Ok(bytes)
        }
    }

    fn read(input: impl Read) -> Vec<(u64, Result<Vec<String>, String>)> {
        let mut records = Records::new(input);
        let mut all = Vec::new();
        while let Some((line, record)) = records.next().unwrap() {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            all.push((
                line,
                match record {
                    Record::Broken(bytes) => Err(text(&bytes)),
                    Record::Fields(fields) => {
                        let starts =
                            std::iter::once(0).chain(fields.ends.iter().map(|end| end + 1));
                        Ok(starts
                            .zip(&fields.ends)
                            .map(|(a, b)| text(&fields.bytes[a..*b]))
                            .collect())
                    }
                },
            ));
        }
        all
    }

    fn check(file: &[u8], expected: &[(u64, Result<&[&str], &str>)]) {
        let owned = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(line, record)| (*line, record.map(owned).map_err(ToOwned::to_owned)))
            .collect();
        assert_eq!(read(file), expected);
        assert_eq!(read(Dripping(file)), expected, "one byte at a time");
    }

    #[test]
    fn lines_end_with_any_of_the_three_line_ends() {
        for end in ["\n", "\r\n", "\r"] {
            let file = ["a,b", "1,2", ",", "3,4"].join(end);
            check(
                file.as_bytes(),
                &[
                    (1, Ok(&["a", "b"])),
                    (2, Ok(&["1", "2"])),
                    (3, Ok(&["", ""])),
                    (4, Ok(&["3", "4"])),
                ],
            );
        }
    }

    #[test]
    fn quoted_fields_keep_commas_quotes_and_line_ends() {
        check(
            b"\xef\xbb\xbf1,\"a, \"\"b\"\"\r\nc\"\r\n2,d\r\n",
            &[(1, Ok(&["1", "a, \"b\"\r\nc"])), (3, Ok(&["2", "d"]))],
        );
    }

    #[test]
    fn a_quote_inside_a_plain_field_is_itself() {
        check(b"5\" pipe,2\n", &[(1, Ok(&["5\" pipe", "2"]))]);
    }

    #[test]
    fn a_quote_that_never_closes_costs_one_line() {
        check(
            b"1,\"open\n2,b\n3,c\n",
            &[(1, Err("1,\"open")), (2, Ok(&["2", "b"])), (3, Ok(&["3", "c"]))],
        );
    }

    #[test]
    fn a_quote_closed_by_the_next_line_costs_one_line() {
        check(
            b"1,\"open\n2,\"b\"\n3,c",
            &[(1, Err("1,\"open")), (2, Ok(&["2", "b"])), (3, Ok(&["3", "c"]))],
        );
    }

    #[test]
    fn a_line_without_end_is_broken_and_not_kept() {
        let mut file = vec![b'x'; 3 * RECORD_BYTES_MAX];
        file.extend_from_slice(b"\r\n1,2\n");
        let records = read(file.as_slice());
        assert_eq!(records.len(), 2);
        assert!(matches!(&records[0], (1, Err(text)) if text.len() == RECORD_BYTES_MAX));
        assert_eq!(records[1], (2, Ok(vec!["1".to_owned(), "2".to_owned()])));
    }

    #[test]
    fn what_the_csv_crate_writes_is_read_back() {
        let rows = [["", "a"], ["\"", ",\r\n"], ["x\ry", "\"\"q"], [" lead", "trail "]];
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in rows {
            writer.write_record(row).unwrap();
        }
        let file = writer.into_inner().unwrap();
        let read: Vec<_> = read(file.as_slice()).into_iter().map(|(_, row)| row.unwrap()).collect();
        assert_eq!(read, rows);
    }
}
