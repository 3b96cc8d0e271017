use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::AccountId;

/// One reader following another. Its text form names the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct FollowId {
    pub follower: AccountId,
    pub followee: AccountId,
}

impl fmt::Display for FollowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.follower, self.followee)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Follow { follow: FollowId, at: DateTime<Utc> },
    Unfollow { follow: FollowId, at: DateTime<Utc> },
}
