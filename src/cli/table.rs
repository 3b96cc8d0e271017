//! Tables on a terminal: columns as wide as what stands in them.

use std::io::{self, Write};

use console::{Alignment, measure_text_width, pad_str};

use super::readable;

/// Prints a table; numbers stand right, and the last column ends where the terminal does.
pub fn print<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> io::Result<()> {
    let columns = readable::columns();
    let mut out = io::stdout().lock();
    for line in lines(head, rows) {
        writeln!(out, "{}", readable::cut(&line, columns))?;
    }
    out.flush()
}

/// What may be missing.
pub fn or_dash(cell: Option<impl ToString>) -> String {
    cell.map_or_else(|| "-".to_owned(), |cell| cell.to_string())
}

fn lines<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> Vec<String> {
    let head = head.map(str::to_owned);
    let mut places = [(0, Alignment::Right); N];
    for (column, (width, alignment)) in places.iter_mut().enumerate() {
        let cells = rows.iter().map(|row| row[column].as_str());
        if cells.clone().any(|cell| cell != "-" && cell.parse::<f64>().is_err()) {
            *alignment = Alignment::Left;
        }
        let all = cells.chain([head[column].as_str()]);
        *width = all.map(|cell| measure_text_width(&readable::plain(cell))).max().unwrap_or(0);
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(places).map(|(cell, (width, alignment))| {
            pad_str(&readable::plain(cell), width, alignment, None).into_owned()
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    [&head].into_iter().chain(rows).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fit_their_contents_and_numbers_stand_right() {
        let rows = [
            ["orders".to_owned(), "7".to_owned(), "no such\nbook".to_owned()],
            ["books".to_owned(), or_dash(None::<i64>), String::new()],
        ];
        let table = lines(["projection", "id", "error"], &rows);
        assert_eq!(
            table,
            ["projection  id  error", "orders       7  no such\\nbook", "books        -"]
        );
    }
}
