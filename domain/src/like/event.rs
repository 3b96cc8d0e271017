use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::LikeId;

/// What happened to a like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Event {
    Liked { like: LikeId, at: DateTime<Utc> },
    Unliked { like: LikeId, at: DateTime<Utc> },
}

impl Event {
    /// Wire name and schema version. A new version comes with an upcaster.
    const fn schema(&self) -> (&'static str, &'static str) {
        match self {
            Self::Liked { .. } => ("Liked", "1.0.0"),
            Self::Unliked { .. } => ("Unliked", "1.0.0"),
        }
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
