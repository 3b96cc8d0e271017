use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fit;
use crate::wire::schemas;

/// What became of a fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    /// It serves from now on.
    ModelTrained { fit: Fit, at: DateTime<Utc> },
    /// It did clearly worse than the one that goes on serving.
    ModelRejected { fit: Fit, serving: String, at: DateTime<Utc> },
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::ModelTrained { .. } => ("ModelTrained", "1.1.0"),
        Self::ModelRejected { .. } => ("ModelRejected", "1.1.0"),
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
