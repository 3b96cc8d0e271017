use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, Role, wire::schemas};

/// The same events as on an account's own stream; here the role is always `operator`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    RoleGranted { account: AccountId, role: Role, at: DateTime<Utc> },
    RoleRevoked { account: AccountId, role: Role, at: DateTime<Utc> },
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::RoleGranted { .. } => ("RoleGranted", "1.0.0"),
        Self::RoleRevoked { .. } => ("RoleRevoked", "1.0.0"),
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
