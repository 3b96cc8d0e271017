//! Which leaderboards there are. Ours come with the program; a setting adds to them and changes them.

use std::collections::BTreeMap;

use domain::weekly::Period;
use domain::{ItemKind, Tag};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Each is listed in one answer.
const BOARDS_MAX: usize = 100;
const NAME_CHARS_MAX: usize = 64;

/// What an item is placed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Counts {
    /// The Bayesian average of its ratings, with a prior of five average ratings.
    Rating,
    /// How many rated it.
    Ratings,
    Likes,
    Favourites,
    /// How often it was borrowed.
    Loans,
    /// In how many orders that were confirmed and not cancelled.
    Orders,
    /// How many enrolled and stayed.
    Enrollments,
    Completions,
}

impl Counts {
    /// The one kind of item that this can happen to.
    const fn only_of(self) -> Option<ItemKind> {
        match self {
            Self::Rating | Self::Ratings | Self::Likes | Self::Favourites => None,
            Self::Loans => Some(ItemKind::Book),
            Self::Orders => Some(ItemKind::Product),
            Self::Enrollments | Self::Completions => Some(ItemKind::Course),
        }
    }
}

/// What counts, over which period, of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Leaderboard {
    pub counts: Counts,
    pub period: Period,
    /// None: of every kind.
    pub kind: Option<ItemKind>,
    /// A genre, skill, category or tag.
    pub genre: Option<Tag>,
}

/// As it stands in the settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    counts: Counts,
    period: Option<Period>,
    kind: Option<ItemKind>,
    genre: Option<Tag>,
}

impl TryFrom<Written> for Leaderboard {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { counts, period, kind, genre } = written;
        let kind = match (counts.only_of(), kind) {
            (Some(only), Some(kind)) if only != kind => {
                return Err(format!(
                    "a leaderboard of this cannot be of a {kind}: only of a {only}"
                ));
            }
            (only, kind) => kind.or(only),
        };
        Ok(Self { counts, period: period.unwrap_or(Period::All), kind, genre })
    }
}

/// By name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Leaderboard>")]
pub struct Leaderboards(BTreeMap<String, Leaderboard>);

impl Leaderboards {
    pub fn get(&self, name: &str) -> Option<&Leaderboard> {
        self.0.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Leaderboard)> {
        self.0.iter().map(|(name, board)| (name.as_str(), board))
    }
}

impl TryFrom<BTreeMap<String, Leaderboard>> for Leaderboards {
    type Error = String;

    fn try_from(boards: BTreeMap<String, Leaderboard>) -> Result<Self, String> {
        if boards.len() > BOARDS_MAX {
            return Err(format!("at most {BOARDS_MAX} leaderboards, not {}", boards.len()));
        }
        let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_name = |name: &str| (1..=NAME_CHARS_MAX).contains(&name.len());
        match boards.keys().find(|name| !is_name(name) || !name.chars().all(sound)) {
            Some(name) => Err(format!(
                "`{name}` cannot be the name of a leaderboard: \
                 a-z, 0-9 and `-`, at most {NAME_CHARS_MAX}"
            )),
            None => Ok(Self(boards)),
        }
    }
}

impl Default for Leaderboards {
    fn default() -> Self {
        let of = |counts, period, kind| Leaderboard { counts, period, kind, genre: None };
        let boards = [
            ("best-books", of(Counts::Rating, Period::All, Some(ItemKind::Book))),
            ("best-courses", of(Counts::Rating, Period::All, Some(ItemKind::Course))),
            ("best-products", of(Counts::Rating, Period::All, Some(ItemKind::Product))),
            ("best-of-the-month", of(Counts::Rating, Period::Month, None)),
            ("most-rated", of(Counts::Ratings, Period::Month, None)),
            ("most-liked", of(Counts::Likes, Period::All, None)),
            ("favourites", of(Counts::Favourites, Period::All, None)),
            ("most-borrowed", of(Counts::Loans, Period::Month, Some(ItemKind::Book))),
            ("best-sellers", of(Counts::Orders, Period::Month, Some(ItemKind::Product))),
            ("most-enrolled", of(Counts::Enrollments, Period::Month, Some(ItemKind::Course))),
            ("most-completed", of(Counts::Completions, Period::All, Some(ItemKind::Course))),
        ];
        Self(boards.map(|(name, board)| (name.to_owned(), board)).into())
    }
}
