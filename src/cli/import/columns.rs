//! Which column of a file means what: `--columns reader=user_id,item=book_id`.

use std::fmt;

use anyhow::bail;

use super::table::{Row, Table};

/// The command line asks for something that cannot be: exit code 2.
#[derive(Debug)]
pub struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

impl Usage {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// What an importer looks for in a file.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// What `--columns` may call it, the usual name first.
    pub names: &'static [&'static str],
    /// Columns of these names are taken for it when `--columns` does not say.
    pub headers: &'static [&'static str],
    pub required: bool,
}

/// What the user said.
#[derive(Debug, Clone, Default)]
pub struct Columns(Vec<(String, String)>);

impl Columns {
    /// # Errors
    /// When a part is not `name=column`.
    pub fn parse(texts: &[String]) -> anyhow::Result<Self> {
        let parts = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
        let pair = |part: &str| -> anyhow::Result<(String, String)> {
            let (name, column) = part
                .split_once('=')
                .ok_or_else(|| Usage(format!("'{part}' is not of the form name=column")))?;
            Ok((name.trim().to_lowercase(), column.trim().to_owned()))
        };
        parts.filter(|part| !part.is_empty()).map(pair).collect::<Result<_, _>>().map(Self)
    }

    /// Where in the table each wanted thing is. `name=` without a column leaves it out.
    ///
    /// # Errors
    /// When a name or a column does not exist, or something required is missing.
    pub fn find<const N: usize>(
        &self,
        table: &Table,
        wanted: [Wanted; N],
    ) -> anyhow::Result<[Place; N]> {
        for (name, _) in &self.0 {
            if !wanted.iter().any(|wanted| wanted.names.contains(&name.as_str())) {
                let known: Vec<&str> =
                    wanted.iter().flat_map(|wanted| wanted.names).copied().collect();
                let known = known.join(", ");
                bail!(Usage(format!("--columns knows no '{name}' here, only {known}")));
            }
        }
        let mut places = [Place(None); N];
        for (place, wanted) in places.iter_mut().zip(wanted) {
            *place = Place(self.place(table, wanted)?);
        }
        Ok(places)
    }

    fn place(&self, table: &Table, wanted: Wanted) -> anyhow::Result<Option<usize>> {
        let said = self.0.iter().find(|(name, _)| wanted.names.contains(&name.as_str()));
        if let Some((name, column)) = said {
            if column.is_empty() {
                return Ok(None);
            }
            let place = table.column(column).ok_or_else(|| {
                let header = table.header().join(", ");
                Usage(format!("{name}={column}: there is no such column, only {header}"))
            })?;
            return Ok(Some(place));
        }
        let place = wanted.headers.iter().find_map(|header| table.column(header));
        if place.is_none() && wanted.required {
            let (name, header) = (wanted.names[0], table.header().join(", "));
            bail!(Usage(format!(
                "which column is the {name}? Say --columns {name}=COLUMN; there are {header}"
            )));
        }
        Ok(place)
    }
}

/// Where something is in a row, if anywhere.
#[derive(Debug, Clone, Copy)]
pub struct Place(Option<usize>);

impl Place {
    pub const fn is_some(self) -> bool {
        self.0.is_some()
    }

    /// The field, or `""`. Quotes that survived a double quoting are taken off.
    pub fn of<'t>(self, row: &Row<'t>) -> &'t str {
        let field = self.0.map_or("", |column| row.field(column));
        let quoted = field.len() > 1 && field.starts_with('"') && field.ends_with('"');
        if quoted { field[1..field.len() - 1].trim() } else { field }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::cli::import::{table::Line, testing};

    const WANTED: [Wanted; 2] = [
        Wanted { names: &["reader", "user"], headers: &["user_id"], required: true },
        Wanted { names: &["at"], headers: &["time"], required: false },
    ];

    fn find(said: &str, file: &str) -> Result<String, String> {
        let mut table = testing::table(0, file);
        let columns = Columns::parse(&[said.to_owned()]).map_err(|error| error.to_string())?;
        let [reader, at] = columns.find(&table, WANTED).map_err(|error| error.to_string())?;
        let Some(Line::Row(row)) = table.next().unwrap() else { panic!("a row") };
        Ok(format!("{} at {}", reader.of(&row), at.of(&row)))
    }

    #[test]
    fn columns_are_what_the_user_says_or_what_they_are_called() {
        assert_eq!(find("", "user_id\n7\n"), Ok("7 at ".to_owned()));
        assert_eq!(find("user=who , at=time", "who,Time\n7,8\n"), Ok("7 at 8".to_owned()));
        assert_eq!(find("reader=who", "who\n\"\"\"7\"\"\"\n"), Ok("7 at ".to_owned()));
    }

    #[test]
    fn a_mistake_is_named_together_with_what_there_is() {
        let error = |said, file| find(said, file).unwrap_err();
        assert_eq!(error("who", "who\n"), "'who' is not of the form name=column");
        assert_eq!(
            error("book=who", "who\n"),
            "--columns knows no 'book' here, only reader, user, at"
        );
        assert_eq!(
            error("reader=x", "who,when\n"),
            "reader=x: there is no such column, only who, when"
        );
        assert_eq!(
            error("", "who,when\n"),
            "which column is the reader? Say --columns reader=COLUMN; there are who, when"
        );
    }
}
