//! What rows about books say, in the catalogue's words.

use domain::{
    Language, Name, Tag, Tags, Text, Title, WebAddress,
    book::{Audience, Authors, Details, Isbn, Series, SeriesNumber, Year},
};

const UNKNOWN_AUTHOR: &str = "unknown";

/// Why a row about a book goes no further.
#[derive(Debug, PartialEq)]
pub enum Fault {
    /// A rule of the catalogue says no.
    Refused {
        code: &'static str,
        detail: String,
    },
    Unreadable(String),
}

/// The fields of a book as they stand in a file; an empty one says nothing.
#[derive(Debug, Default, Clone)]
pub struct Raw {
    /// What the file calls the book.
    pub key: String,
    pub title: String,
    pub authors: Vec<String>,
    pub isbn: String,
    pub publisher: String,
    pub year: String,
    pub series: String,
    pub genres: Vec<String>,
    pub language: String,
    pub description: String,
    pub cover: String,
}

impl Raw {
    /// A book of which nothing is known but what others call it.
    pub fn stand_in(key: &str) -> Self {
        Self { key: key.to_owned(), ..Self::default() }
    }

    /// Everything the row says of the book, to tell rows that say the same from others.
    pub fn text(&self) -> String {
        let lists = [self.authors.join("\u{1e}"), self.genres.join("\u{1e}")];
        let fields = [
            &self.title,
            &lists[0],
            &self.isbn,
            &self.publisher,
            &self.year,
            &self.series,
            &lists[1],
            &self.language,
            &self.description,
            &self.cover,
        ];
        fields.map(String::as_str).join("\u{1f}")
    }

    /// What the catalogue can keep of it.
    ///
    /// Title, authors, ISBN and year say which book it is: what is wrong there stops the row. A
    /// language, a genre or a picture that cannot be kept is left out.
    pub fn details(self) -> Result<Details, Fault> {
        let (title, series_in_title) = split_series(&self.title);
        let series = match self.series.as_str() {
            "" => series_in_title,
            name => parse_series(name),
        };
        let title = match title {
            "" => format!("Item {}", self.key),
            title => title.to_owned(),
        };
        Ok(Details {
            title: title.parse::<Title>().map_err(refused("invalid-title"))?,
            authors: authors(&self.authors)?,
            isbn: match self.isbn.as_str() {
                "" => None,
                text => Some(Isbn::parse(&padded(text)).map_err(refused("invalid-isbn"))?),
            },
            publisher: self.publisher.parse::<Name>().ok(),
            published_year: year(&self.year)?,
            series,
            genres: genres(&self.genres),
            audience: Audience::General,
            language: language(&self.language),
            description: self.description.parse::<Text>().ok(),
            cover_url: self.cover.parse::<WebAddress>().ok(),
        })
    }
}

fn refused<E: ToString>(code: &'static str) -> impl Fn(E) -> Fault {
    move |error| Fault::Refused { code, detail: error.to_string() }
}

fn authors(names: &[String]) -> Result<Authors, Fault> {
    let mut authors: Vec<Name> = Vec::with_capacity(names.len());
    for name in names.iter().filter(|name| !name.trim().is_empty()) {
        let name = name.parse().map_err(refused("invalid-author"))?;
        if !authors.contains(&name) {
            authors.push(name);
        }
    }
    if authors.is_empty() {
        authors.push(UNKNOWN_AUTHOR.parse().map_err(refused("invalid-author"))?);
    }
    Authors::try_from(authors).map_err(refused("invalid-authors"))
}

/// Spreadsheets take an ISBN for a number and drop the zeros in front.
fn padded(isbn: &str) -> String {
    let isbn = isbn.trim_matches(['"', '\'', '=', ' ']);
    let digits = isbn.strip_suffix(['X', 'x']).unwrap_or(isbn);
    if isbn.len() < 10 && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        format!("{isbn:0>10}")
    } else {
        isbn.to_owned()
    }
}

/// A year may be negative, and may be written as a number with decimals or at the front of a date.
fn year(text: &str) -> Result<Option<Year>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.strip_suffix(".0").unwrap_or(text);
    let dated = || text.get(..4).filter(|_| text.as_bytes().get(4) == Some(&b'-'));
    let year: i32 = number
        .parse()
        .ok()
        .or_else(|| dated()?.parse().ok())
        .ok_or_else(|| Fault::Unreadable(format!("'{text}' is not a year")))?;
    Year::try_from(year).map(Some).map_err(refused("invalid-year"))
}

/// `The Hunger Games (The Hunger Games, #1)` is a title and the place in a series.
pub fn split_series(title: &str) -> (&str, Option<Series>) {
    let title = title.trim();
    let split = || {
        let (before, inner) = title.strip_suffix(')')?.rsplit_once('(')?;
        let before = before.trim();
        (inner.contains('#') && !before.is_empty()).then(|| (before, parse_series(inner)))
    };
    match split() {
        Some((before, Some(series))) => (before, Some(series)),
        _ => (title, None),
    }
}

/// `Discworld, #33; Moist von Lipwig, #1` names several; the first is kept.
fn parse_series(text: &str) -> Option<Series> {
    let first = text.split(';').next().unwrap_or(text);
    let (name, number) = match first.rsplit_once('#') {
        Some((name, number)) => (name, number.trim().parse::<f64>().ok()),
        None => (first, None),
    };
    let name: Name = name.trim().trim_end_matches(',').parse().ok()?;
    Some(Series { name, number: number.and_then(|number| SeriesNumber::try_from(number).ok()) })
}

fn genres(words: &[String]) -> Tags {
    let mut tags: Vec<Tag> = Vec::new();
    for tag in words.iter().filter_map(|word| word.parse().ok()) {
        if !tags.contains(&tag) && tags.len() < Tags::COUNT_MAX {
            tags.push(tag);
        }
    }
    Tags::try_from(tags).unwrap_or_default()
}

/// Of several languages, as in `en/es`, the first.
fn language(text: &str) -> Option<Language> {
    text.split(['/', ',', ';']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn book(change: impl FnOnce(&mut Raw)) -> Result<Details, Fault> {
        let mut raw = Raw { key: "7".to_owned(), title: "Emma".to_owned(), ..Raw::default() };
        change(&mut raw);
        raw.details()
    }

    #[test]
    fn a_series_in_the_title_becomes_a_series() {
        let check = |written: &str, title: &str, series: Option<(&str, Option<f64>)>| {
            let details = book(|raw| raw.title = written.to_owned()).unwrap();
            let found = details
                .series
                .map(|series| (series.name.to_string(), series.number.map(f64::from)));
            let expected = series.map(|(name, number)| (name.to_owned(), number));
            assert_eq!((details.title.as_str(), found), (title, expected));
        };
        let games = Some(("The Hunger Games", Some(1.0)));
        check("The Hunger Games (The Hunger Games, #1)", "The Hunger Games", games);
        check("Twelve (Plum, #12.5)", "Twelve", Some(("Plum", Some(12.5))));
        check("Dark Visions (Dark Visions, #1-3)", "Dark Visions", Some(("Dark Visions", None)));
        check("Post (Discworld, #33; Moist, #1)", "Post", Some(("Discworld", Some(33.0))));
        check("Emma (abridged)", "Emma (abridged)", None);
        check("(#1)", "(#1)", None);
    }

    #[test]
    fn an_isbn_gets_its_zeros_back_and_is_checked() {
        let isbn = |text: &str| {
            book(|raw| raw.isbn = text.to_owned()).map(|book| book.isbn.unwrap().to_string())
        };
        assert_eq!(isbn("439023483"), Ok("9780439023481".to_owned()));
        assert_eq!(
            isbn("43902348X").unwrap_err(),
            refused("invalid-isbn")("the check digit of the ISBN is wrong")
        );
        for unusable in ["9.78001E+12", "Original pages", "812971060"] {
            assert!(matches!(isbn(unusable), Err(Fault::Refused { code: "invalid-isbn", .. })));
        }
    }

    #[test]
    fn what_has_no_title_gets_the_number_for_a_name() {
        let details = Raw::stand_in("42").details().unwrap();
        assert_eq!(details.title.as_str(), "Item 42");
        assert_eq!(details.authors.names()[0].as_str(), "unknown");
    }

    #[test]
    fn a_year_may_be_before_our_era() {
        let year = |text: &str| {
            book(|raw| raw.year = text.to_owned()).map(|book| book.published_year.map(i32::from))
        };
        assert_eq!(year("-720.0"), Ok(Some(-720)));
        assert_eq!(year("2008.0"), Ok(Some(2008)));
        assert_eq!(year("2014-07-31"), Ok(Some(2014)));
        assert_eq!(year(""), Ok(None));
        assert!(matches!(year("31-Jul-14"), Err(Fault::Unreadable(_))));
        assert!(matches!(year("20140"), Err(Fault::Refused { code: "invalid-year", .. })));
    }

    #[test]
    fn a_name_given_twice_counts_once_and_blanks_collapse() {
        let names = ["J.R.R.  Tolkien", "J.R.R. Tolkien", " "].map(str::to_owned);
        let details = book(|raw| raw.authors = names.to_vec()).unwrap();
        assert_eq!(details.authors.names().len(), 1);
    }

    #[test]
    fn what_only_decorates_is_left_out_when_it_cannot_be_kept() {
        let details = book(|raw| {
            raw.language = "en/es".to_owned();
            raw.cover = "nophoto".to_owned();
            raw.genres = ["Fiction", "fiction", ""].map(str::to_owned).to_vec();
        })
        .unwrap();
        assert_eq!(details.language.unwrap().as_str(), "en");
        assert_eq!((details.cover_url, details.genres.iter().count()), (None, 1));
    }
}
