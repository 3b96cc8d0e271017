use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Role;

/// More keys than anybody can look after.
pub const KEYS_MAX: usize = 20;

/// One thing that a key may do: ask, change, or act in a role of its account.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Read,
    Write,
    Analyst,
    Instructor,
    Merchandiser,
    Auditor,
    Operator,
}

impl Scope {
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::Write,
        Self::Analyst,
        Self::Instructor,
        Self::Merchandiser,
        Self::Auditor,
        Self::Operator,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Analyst => "analyst",
            Self::Instructor => "instructor",
            Self::Merchandiser => "merchandiser",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }

    /// Everybody is a member, so no key needs to say so.
    pub const fn role(self) -> Option<Role> {
        match self {
            Self::Read | Self::Write => None,
            Self::Analyst => Some(Role::Analyst),
            Self::Instructor => Some(Role::Instructor),
            Self::Merchandiser => Some(Role::Merchandiser),
            Self::Auditor => Some(Role::Auditor),
            Self::Operator => Some(Role::Operator),
        }
    }
}

/// What a key may do of what its account may. It can at least ask or change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<Scope>", into = "Vec<Scope>")]
#[schemars(extend("minItems" = 1, "maxItems" = 7))]
pub struct Scopes(BTreeSet<Scope>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScopesError {
    #[error("a key needs the scope read, write or both")]
    Idle,
    #[error("each scope is named once")]
    Twice,
}

impl Scopes {
    pub fn contain(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    pub fn roles(&self) -> impl Iterator<Item = Role> {
        self.0.iter().filter_map(|scope| scope.role())
    }
}

impl TryFrom<Vec<Scope>> for Scopes {
    type Error = ScopesError;

    fn try_from(scopes: Vec<Scope>) -> Result<Self, ScopesError> {
        let set: BTreeSet<Scope> = scopes.iter().copied().collect();
        if set.len() < scopes.len() {
            return Err(ScopesError::Twice);
        }
        if !set.contains(&Scope::Read) && !set.contains(&Scope::Write) {
            return Err(ScopesError::Idle);
        }
        Ok(Self(set))
    }
}

impl From<Scopes> for Vec<Scope> {
    fn from(scopes: Scopes) -> Self {
        scopes.0.into_iter().collect()
    }
}
