use chrono::{DateTime, NaiveDate, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Lists;
use crate::wire::schemas;

/// What stands in the lists of a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    /// Those of one kind of item and one period. All of a day are appended together.
    WeeklyListsFixed { day: NaiveDate, fixed: Lists, at: DateTime<Utc> },
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::WeeklyListsFixed { .. } => ("WeeklyListsFixed", "1.0.0"),
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
