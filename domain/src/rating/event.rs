use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RatingId, Score};
use crate::wire::schemas;

/// What happened to a rating.
///
/// Stored for ever. `RatingChanged` carries both scores so that no projection needs the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    ItemRated { rating: RatingId, score: Score, at: DateTime<Utc> },
    RatingChanged { rating: RatingId, from: Score, to: Score, at: DateTime<Utc> },
    RatingWithdrawn { rating: RatingId, score: Score, at: DateTime<Utc> },
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::ItemRated { .. } => ("ItemRated", "1.0.0"),
        Self::RatingChanged { .. } => ("RatingChanged", "1.0.0"),
        Self::RatingWithdrawn { .. } => ("RatingWithdrawn", "1.0.0"),
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
