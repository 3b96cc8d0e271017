//! Lists with words in them, as CSV.

use std::fmt::Write;

/// RFC 4180. A spreadsheet would run a cell that begins like a formula, so a quote goes before it.
pub(super) fn cell(text: &str) -> String {
    let mut text = text.to_owned();
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        text.insert(0, '\'');
    }
    if text.contains([',', '"', '\r', '\n']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

/// A header and a line for each row.
pub(super) fn csv<R>(header: &str, rows: &[R], line: impl Fn(&R) -> String) -> String {
    let mut csv = format!("{header}\r\n");
    for row in rows {
        let _ = write!(csv, "{}\r\n", line(row));
    }
    csv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cannot_break_out_of_their_cell() {
        for (text, expected) in [
            ("Rust", "Rust"),
            ("Rust, again", "\"Rust, again\""),
            ("The \"best\"", "\"The \"\"best\"\"\""),
            ("=1+1", "'=1+1"),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
