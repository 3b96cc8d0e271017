//! What an account may do beyond what everyone may.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Granted by operators. Everyone who registers is a member.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Member,
    /// Reads analytics.
    Analyst,
    /// Teaches courses.
    Instructor,
    /// Keeps the catalogue, the stock and the status of orders.
    Merchandiser,
    /// Reads every event, changes nothing.
    Auditor,
    /// Runs the system and grants roles.
    Operator,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a role is member, analyst, instructor, merchandiser, auditor or operator")]
pub struct RoleError;

impl Role {
    pub const ALL: [Self; 6] = [
        Self::Member,
        Self::Analyst,
        Self::Instructor,
        Self::Merchandiser,
        Self::Auditor,
        Self::Operator,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Analyst => "analyst",
            Self::Instructor => "instructor",
            Self::Merchandiser => "merchandiser",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(name: &str) -> Result<Self, RoleError> {
        Self::ALL.into_iter().find(|role| role.name() == name).ok_or(RoleError)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
