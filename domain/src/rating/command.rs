use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Score;
use crate::{AccountId, ItemId};

/// One reader's rating of one item. Its text form names the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct RatingId {
    pub reader: AccountId,
    pub item: ItemId,
}

impl fmt::Display for RatingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.reader, self.item)
    }
}

/// What a reader can ask for. The time comes with the request, so that deciding needs no clock.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Rate { rating: RatingId, score: Score, at: DateTime<Utc> },
    Withdraw { rating: RatingId, at: DateTime<Utc> },
}
