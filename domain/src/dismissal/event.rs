use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DismissalId;
use crate::wire::schemas;

/// What a reader does not want to be recommended, from now on or no longer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    RecommendationDismissed { dismissal: DismissalId, at: DateTime<Utc> },
    DismissalTakenBack { dismissal: DismissalId, at: DateTime<Utc> },
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::RecommendationDismissed { .. } => ("RecommendationDismissed", "1.0.0"),
        Self::DismissalTakenBack { .. } => ("DismissalTakenBack", "1.0.0"),
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
