use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Copies;
use crate::wire::schemas;
use crate::{AccountId, BookId};

/// What happened to the copies of a book.
///
/// `CopiesSet` carries both numbers so that no projection needs the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    CopiesSet { book: BookId, from: Copies, to: Copies, at: DateTime<Utc> },
    BookBorrowed { book: BookId, reader: AccountId, due_at: DateTime<Utc>, at: DateTime<Utc> },
    BookReturned { book: BookId, reader: AccountId, at: DateTime<Utc> },
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::CopiesSet { .. } => ("CopiesSet", "1.0.0"),
        Self::BookBorrowed { .. } => ("BookBorrowed", "1.0.0"),
        Self::BookReturned { .. } => ("BookReturned", "1.0.0"),
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
