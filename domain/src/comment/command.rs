use chrono::{DateTime, Utc};

use super::Remark;
use crate::{AccountId, CommentId, ItemId, Personal};

/// What can be asked of a comment. Its text is sealed with the key of whoever says it.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Post {
        comment: CommentId,
        item: ItemId,
        author: AccountId,
        text: Personal<Remark>,
        at: DateTime<Utc>,
    },
    Edit {
        comment: CommentId,
        by: AccountId,
        text: Personal<Remark>,
        at: DateTime<Utc>,
    },
    /// `as_operator`: whoever asks may delete what others said.
    Delete {
        comment: CommentId,
        by: AccountId,
        as_operator: bool,
        at: DateTime<Utc>,
    },
}
