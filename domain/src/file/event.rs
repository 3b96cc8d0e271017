use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Content, FileName, Target};
use crate::wire::schemas;

/// What happened to the files of a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    FileAttached { target: Target, name: FileName, content: Content, at: DateTime<Utc> },
    FileReplaced { target: Target, name: FileName, from: Content, to: Content, at: DateTime<Utc> },
    FileRemoved { target: Target, name: FileName, content: Content, at: DateTime<Utc> },
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::FileAttached { .. } => ("FileAttached", "1.0.0"),
        Self::FileReplaced { .. } => ("FileReplaced", "1.0.0"),
        Self::FileRemoved { .. } => ("FileRemoved", "1.0.0"),
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
