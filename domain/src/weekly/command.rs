use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ItemKind, Tag};

/// Items in the list of all of a kind, and in the list of one genre.
pub const ITEMS_MAX: usize = 50;
pub const GENRE_ITEMS_MAX: usize = 20;
/// Genres of a kind that have a list: those rated most.
pub const GENRES_MAX: usize = 100;

/// Which days count.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Week,
    Month,
    All,
}

impl Period {
    pub const EVERY: [Self; 3] = [Self::Week, Self::Month, Self::All];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Week => "week",
            Self::Month => "month",
            Self::All => "all",
        }
    }

    /// How many days; none for all there are.
    const fn days(self) -> Option<u64> {
        match self {
            Self::Week => Some(7),
            Self::Month => Some(30),
            Self::All => None,
        }
    }

    /// Since when something counts, where the last day that does is `last`. Whole days, so that a
    /// list changes with events and with the day, not with every second.
    pub fn since(self, last: NaiveDate) -> Option<DateTime<Utc>> {
        let first = last.checked_sub_days(Days::new(self.days()? - 1))?;
        Some(first.and_time(NaiveTime::MIN).and_utc())
    }
}

/// An item's place is where it stands in its list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ranked {
    pub id: Uuid,
    /// Bayesian average within the period, with a prior of five average ratings.
    pub score: f64,
    /// So many rated it within the period.
    pub ratings: i64,
}

/// The best, best first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct List {
    /// None: of all of the kind.
    pub genre: Option<Tag>,
    pub items: Vec<Ranked>,
}

/// Every list of a kind of item and a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lists {
    pub kind: ItemKind,
    pub period: Period,
    pub lists: Vec<List>,
}

impl Lists {
    pub(super) fn has_its_limits(&self) -> bool {
        let in_limits = |list: &List| match list.genre {
            Some(_) => list.items.len() <= GENRE_ITEMS_MAX,
            None => list.items.len() <= ITEMS_MAX,
        };
        let of_genres = self.lists.iter().filter(|list| list.genre.is_some()).count();
        of_genres <= GENRES_MAX
            && self.lists.len() - of_genres <= 1
            && self.lists.iter().all(in_limits)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Fix { day: NaiveDate, lists: Vec<Lists>, at: DateTime<Utc> },
}
