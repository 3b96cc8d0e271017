use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, ItemId};

/// What one reader says about being recommended one item. Its text form names the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct DismissalId {
    pub reader: AccountId,
    pub item: ItemId,
}

impl fmt::Display for DismissalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.reader, self.item)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Dismiss { dismissal: DismissalId, at: DateTime<Utc> },
    TakeBack { dismissal: DismissalId, at: DateTime<Utc> },
}
