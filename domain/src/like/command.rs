use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Target;
use crate::AccountId;

/// One reader's like of one target. Its text form names the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct LikeId {
    pub reader: AccountId,
    pub target: Target,
}

impl fmt::Display for LikeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.reader, self.target)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Like { like: LikeId, at: DateTime<Utc> },
    Unlike { like: LikeId, at: DateTime<Utc> },
}
