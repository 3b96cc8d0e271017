use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Isbn;
use crate::{Language, Name, Tags, Text, Title, WebAddress};

/// What the catalogue says about a book.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "BookDetails")]
pub struct Details {
    pub title: Title,
    pub authors: Authors,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isbn: Option<Isbn>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_year: Option<Year>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<Series>,
    #[serde(default)]
    pub genres: Tags,
    /// Since version 1.1.0 of the events.
    pub audience: Audience,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover_url: Option<WebAddress>,
}

/// Whom a book is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    #[default]
    General,
    Kids,
    Teens,
    Adults,
}

/// Who wrote it: 1 to 100 names, in the order of the title page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<Name>", into = "Vec<Name>")]
#[schemars(extend("minItems" = 1, "maxItems" = Self::COUNT_MAX))]
pub struct Authors(Vec<Name>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a book has 1 to {max} authors, not {0}", max = Authors::COUNT_MAX)]
pub struct AuthorsError(usize);

impl Authors {
    pub const COUNT_MAX: usize = 100;

    pub fn names(&self) -> &[Name] {
        &self.0
    }
}

impl TryFrom<Vec<Name>> for Authors {
    type Error = AuthorsError;

    fn try_from(names: Vec<Name>) -> Result<Self, AuthorsError> {
        match names.len() {
            1..=Self::COUNT_MAX => Ok(Self(names)),
            count => Err(AuthorsError(count)),
        }
    }
}

impl From<Authors> for Vec<Name> {
    fn from(authors: Authors) -> Self {
        authors.0
    }
}

/// A year of publication from -3000 to 2200; negative before our era.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "i32", into = "i32")]
#[schemars(extend("minimum" = -3000, "maximum" = 2200))]
pub struct Year(i32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a year of publication goes from -3000 to 2200, not {0}")]
pub struct YearError(i32);

impl TryFrom<i32> for Year {
    type Error = YearError;

    fn try_from(year: i32) -> Result<Self, YearError> {
        match year {
            -3000..=2200 => Ok(Self(year)),
            _ => Err(YearError(year)),
        }
    }
}

impl From<Year> for i32 {
    fn from(year: Year) -> Self {
        year.0
    }
}

/// The series a book is part of, and its place in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Series {
    pub name: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<SeriesNumber>,
}

/// A place in a series in hundredths, because novellas stand between novels: 1.5 is 150.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(extend("minimum" = 0, "maximum" = 99_999))]
pub struct SeriesNumber(u32);

#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a place in a series goes from 0 to 99999 with at most two decimals, not {0}")]
pub struct SeriesNumberError(f64);

impl SeriesNumber {
    pub const fn hundredths(self) -> u32 {
        self.0
    }
}

impl TryFrom<f64> for SeriesNumber {
    type Error = SeriesNumberError;

    fn try_from(number: f64) -> Result<Self, SeriesNumberError> {
        let hundredths = (number * 100.0).round();
        let exact = (number * 100.0 - hundredths).abs() < 1e-6;
        if (0.0..=9_999_900.0).contains(&hundredths) && exact {
            Ok(Self(hundredths as u32))
        } else {
            Err(SeriesNumberError(number))
        }
    }
}

impl From<SeriesNumber> for f64 {
    fn from(number: SeriesNumber) -> Self {
        Self::from(number.0) / 100.0
    }
}
