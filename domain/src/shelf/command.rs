use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, ItemId};

/// One item's place on one reader's shelf. Its text form names the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ShelfId {
    pub reader: AccountId,
    pub item: ItemId,
}

impl fmt::Display for ShelfId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.reader, self.item)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    AddFavourite { shelf: ShelfId, at: DateTime<Utc> },
    RemoveFavourite { shelf: ShelfId, at: DateTime<Utc> },
}
