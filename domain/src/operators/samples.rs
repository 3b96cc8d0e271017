//! Operators for tests.

use super::Event;
use crate::{
    AccountId, Role,
    samples::{ada, at},
};

pub fn granted(account: AccountId) -> Event {
    Event::RoleGranted { account, role: Role::Operator, at: at(0) }
}

pub fn revoked(account: AccountId) -> Event {
    Event::RoleRevoked { account, role: Role::Operator, at: at(1) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    vec![granted(ada()), revoked(ada())]
}
