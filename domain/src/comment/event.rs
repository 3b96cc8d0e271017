use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Remark;
use crate::wire::schemas;
use crate::{AccountId, CommentId, ItemId, Personal};

/// What happened to a comment. Every event carries the item and the author, which never change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    CommentPosted {
        comment: CommentId,
        item: ItemId,
        author: AccountId,
        text: Personal<Remark>,
        at: DateTime<Utc>,
    },
    /// Only the new text: the old one is personal and stays where it is sealed.
    CommentEdited {
        comment: CommentId,
        item: ItemId,
        author: AccountId,
        text: Personal<Remark>,
        at: DateTime<Utc>,
    },
    /// `by` is the author or an operator.
    CommentDeleted {
        comment: CommentId,
        item: ItemId,
        author: AccountId,
        by: AccountId,
        at: DateTime<Utc>,
    },
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::CommentPosted { .. } => ("CommentPosted", "1.0.0"),
        Self::CommentEdited { .. } => ("CommentEdited", "1.0.0"),
        Self::CommentDeleted { .. } => ("CommentDeleted", "1.0.0"),
    }
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        self.schema().0.to_owned()
    }

    fn event_version(&self) -> String {
        self.schema().1.to_owned()
    }
}
