use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Details;
use crate::{BookId, wire::schemas};

/// What happened to a book of the catalogue. Details are always complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    BookAdded { book: BookId, details: Box<Details>, at: DateTime<Utc> },
    BookRevised { book: BookId, details: Box<Details>, at: DateTime<Utc> },
    BookWithdrawn { book: BookId, at: DateTime<Utc> },
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::BookAdded { .. } => ("BookAdded", "1.1.0"),
        Self::BookRevised { .. } => ("BookRevised", "1.1.0"),
        Self::BookWithdrawn { .. } => ("BookWithdrawn", "1.0.0"),
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
