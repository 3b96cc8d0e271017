use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{CommentId, ItemId};

/// What can be liked: an item or a comment, written `book:<uuid>` or `comment:<uuid>`, in JSON too.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^(book|course|product|comment):[0-9a-f-]{36}$"))]
pub enum Target {
    Item(ItemId),
    Comment(CommentId),
}

impl Target {
    /// The kind of every comment; no item has it.
    pub const COMMENT: &'static str = "comment";

    /// `book`, `course`, `product` or `comment`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Item(item) => item.kind.name(),
            Self::Comment(_) => Self::COMMENT,
        }
    }

    pub const fn uuid(self) -> Uuid {
        match self {
            Self::Item(item) => item.id,
            Self::Comment(comment) => comment.uuid(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), self.uuid())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what is liked is written book:<uuid>, course:<uuid>, product:<uuid> or comment:<uuid>")]
pub struct TargetError;

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        match text.split_once(':') {
            Some((Self::COMMENT, id)) => id.parse().map(Self::Comment).map_err(|_| TargetError),
            _ => text.parse().map(Self::Item).map_err(|_| TargetError),
        }
    }
}

impl TryFrom<String> for Target {
    type Error = TargetError;

    fn try_from(text: String) -> Result<Self, TargetError> {
        text.parse()
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}
