use chrono::{DateTime, Utc};

use crate::{Name, Text};

/// What an operator asks of a projection. That it exists is the caller's to look up. Its name is
/// the stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Rebuild {
        projection: Name,
        at: DateTime<Utc>,
    },
    Verify {
        projection: Name,
        at: DateTime<Utc>,
    },
    Pause {
        projection: Name,
        at: DateTime<Utc>,
    },
    Resume {
        projection: Name,
        at: DateTime<Utc>,
    },
    RetryParked {
        projection: Name,
        events: u32,
        first: i64,
        at: DateTime<Utc>,
    },
    RetryGroup {
        projection: Name,
        group: Name,
        events: u32,
        first: i64,
        at: DateTime<Utc>,
    },
    DiscardParked {
        projection: Name,
        position: i64,
        reason: Text,
        at: DateTime<Utc>,
    },
    DiscardGroup {
        projection: Name,
        group: Name,
        positions: Vec<i64>,
        reason: Text,
        at: DateTime<Utc>,
    },
}

impl Command {
    /// Which one is asked.
    pub const fn projection(&self) -> &Name {
        match self {
            Self::Rebuild { projection, .. }
            | Self::Verify { projection, .. }
            | Self::Pause { projection, .. }
            | Self::Resume { projection, .. }
            | Self::RetryParked { projection, .. }
            | Self::RetryGroup { projection, .. }
            | Self::DiscardParked { projection, .. }
            | Self::DiscardGroup { projection, .. } => projection,
        }
    }
}
