//! Who may ask for what, as the description says it.
//!
//! The `security` of an operation is the one place where this is declared: `security(())` for
//! everybody, nothing for everybody with an account, and one `("bearer" = ["operator"])` for each
//! role that may. It is what `/openapi.json` shows, what `docs/AUTHORIZATION.md` is made from, and
//! what is asked of every caller before a parameter or a body is looked at.

use domain::Role;
use serde_json::Value;
use utoipa::openapi::path::Operation;

use crate::Problem;
use crate::auth::Bearer;
use crate::caller::{permitted, token_required};
use crate::openapi::BEARER;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    Anybody,
    Member,
    AnyOf(Vec<Role>),
}

impl Who {
    /// Requirements are alternatives, and the roles of one are names of ours: a name that is no
    /// role is a mistake in a slice, which no process may start with.
    pub fn of(operation: &Operation) -> Self {
        let mut roles = Vec::new();
        for requirement in operation.security.iter().flatten() {
            let requirement = serde_json::to_value(requirement).unwrap_or_default();
            let names = match requirement.get(BEARER).and_then(Value::as_array) {
                None => return Self::Anybody,
                Some(names) if names.is_empty() => return Self::Member,
                Some(names) => names.iter().filter_map(Value::as_str),
            };
            roles.extend(names.map(|name| name.parse::<Role>().expect("security names a role")));
        }
        if roles.is_empty() { Self::Anybody } else { Self::AnyOf(roles) }
    }

    pub fn admits(&self, bearer: Option<&Bearer>) -> Result<(), Problem> {
        match self {
            Self::Anybody => Ok(()),
            Self::Member if bearer.is_some() => Ok(()),
            Self::Member => Err(token_required()),
            Self::AnyOf(roles) => permitted(bearer, roles).map(drop),
        }
    }
}
