use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Name, Text, wire::schemas};

/// What happened to a projection. Who asked is the actor in the metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    ProjectionRebuildRequested {
        projection: Name,
        at: DateTime<Utc>,
    },
    /// A fresh build is made, compared with the live one and dropped.
    ProjectionVerificationRequested {
        projection: Name,
        at: DateTime<Utc>,
    },
    ProjectionPaused {
        projection: Name,
        at: DateTime<Utc>,
    },
    ProjectionResumed {
        projection: Name,
        at: DateTime<Utc>,
    },
    /// Up to `events` events, of which the one at position `first` was the first.
    ParkedEventsRetried {
        projection: Name,
        events: u32,
        first: i64,
        at: DateTime<Utc>,
    },
    /// The same, of the events that failed alike: the group is what their errors have in common.
    ParkedGroupRetried {
        projection: Name,
        group: Name,
        events: u32,
        first: i64,
        at: DateTime<Utc>,
    },
    /// The event at this position will not be applied by any build.
    ParkedEventDiscarded {
        projection: Name,
        position: i64,
        reason: Text,
        at: DateTime<Utc>,
    },
    /// The events at these positions, which failed alike, will not be applied by any build.
    ParkedGroupDiscarded {
        projection: Name,
        group: Name,
        positions: Vec<i64>,
        reason: Text,
        at: DateTime<Utc>,
    },
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::ProjectionRebuildRequested { .. } => ("ProjectionRebuildRequested", "1.0.0"),
        Self::ProjectionVerificationRequested { .. } =>
            ("ProjectionVerificationRequested", "1.0.0"),
        Self::ProjectionPaused { .. } => ("ProjectionPaused", "1.0.0"),
        Self::ProjectionResumed { .. } => ("ProjectionResumed", "1.0.0"),
        Self::ParkedEventsRetried { .. } => ("ParkedEventsRetried", "1.0.0"),
        Self::ParkedGroupRetried { .. } => ("ParkedGroupRetried", "1.0.0"),
        Self::ParkedEventDiscarded { .. } => ("ParkedEventDiscarded", "1.0.0"),
        Self::ParkedGroupDiscarded { .. } => ("ParkedGroupDiscarded", "1.0.0"),
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
