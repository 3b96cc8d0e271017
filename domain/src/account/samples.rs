//! Accounts for tests.

#![expect(clippy::expect_used, reason = "a sample that does not parse is a mistake in this file")]

use super::{Channel, Command, Event, ProfileChanges, Scope, Scopes};
use crate::{
    AccountId, ApiKeyId, PasswordResetId, Patch, Personal, Role,
    samples::{ada, at, tags, text, uuid},
};

pub fn registered(account: AccountId, email: &str) -> Event {
    Event::AccountRegistered {
        account,
        email: Personal::new(account, text(email)),
        display_name: Personal::new(account, text("Ada Lovelace")),
        at: at(0),
    }
}

pub fn register(account: AccountId, email: &str) -> Command {
    Command::Register {
        account,
        email: Personal::new(account, text(email)),
        display_name: Personal::new(account, text("Ada Lovelace")),
        at: at(0),
    }
}

pub fn profile_changes() -> ProfileChanges {
    ProfileChanges {
        display_name: Some(Personal::new(ada(), text("Ada King"))),
        phone: Patch::Set(Personal::new(ada(), text("+442071234567"))),
        language: Patch::Clear,
        topics: Some(tags(["mathematics"])),
        channels: Some(vec![Channel::Email]),
    }
}

pub fn email_changed(account: AccountId, email: &str) -> Event {
    Event::EmailChanged { account, email: Personal::new(account, text(email)), at: at(2) }
}

/// A request for a new password, and the letter's number.
pub fn reset(number: u128) -> PasswordResetId {
    uuid(number).into()
}

pub fn reset_requested(account: AccountId, number: u128, second: i64) -> Event {
    Event::PasswordResetRequested { account, reset: reset(number), at: at(second) }
}

pub fn refresh_reused(account: AccountId) -> Event {
    Event::RefreshReuseDetected { account, session: uuid(5).into(), at: at(8) }
}

pub fn key(number: u128) -> ApiKeyId {
    uuid(number).into()
}

pub fn scopes<const N: usize>(scopes: [Scope; N]) -> Scopes {
    Scopes::try_from(scopes.to_vec()).expect("a sample is in order")
}

pub fn key_created(number: u128, scopes: Scopes) -> Event {
    let (account, name) = (ada(), Personal::new(ada(), text("Nightly report")));
    Event::ApiKeyCreated { account, key: key(number), name, scopes, at: at(8) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    let account = ada();
    vec![
        registered(account, "ada@example.org"),
        Event::ProfileChanged { account, changes: profile_changes(), at: at(1) },
        email_changed(account, "ada.king@example.org"),
        Event::PasswordChanged { account, at: at(2) },
        reset_requested(account, 1, 3),
        refresh_reused(account),
        key_created(1, scopes([Scope::Read, Scope::Analyst])),
        Event::ApiKeyRevoked { account, key: key(1), at: at(9) },
        Event::RoleGranted { account, role: Role::Instructor, at: at(3) },
        Event::RoleRevoked { account, role: Role::Instructor, at: at(4) },
        Event::AccountDeactivated { account, at: at(5) },
        Event::AccountReactivated { account, at: at(6) },
        Event::AccountErased { account, at: at(7) },
    ]
}
