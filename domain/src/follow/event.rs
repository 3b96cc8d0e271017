use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FollowId;
use crate::wire::schemas;

/// What happened between two readers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    UserFollowed { follow: FollowId, at: DateTime<Utc> },
    UserUnfollowed { follow: FollowId, at: DateTime<Utc> },
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::UserFollowed { .. } => ("UserFollowed", "1.0.0"),
        Self::UserUnfollowed { .. } => ("UserUnfollowed", "1.0.0"),
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
