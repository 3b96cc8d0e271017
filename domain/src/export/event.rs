use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::schemas;
use crate::{AccountId, ExportId};

/// What became of a request. Hashes of what was found are kept with it, not here: they would outlive
/// the person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    ExportRequested { account: AccountId, export: ExportId, at: DateTime<Utc> },
    ExportCompleted { account: AccountId, export: ExportId, events: u64, at: DateTime<Utc> },
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::ExportRequested { .. } => ("ExportRequested", "1.0.0"),
        Self::ExportCompleted { .. } => ("ExportCompleted", "1.0.0"),
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
