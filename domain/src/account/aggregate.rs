use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::reset::Resets;
use super::{Command, Event, KEYS_MAX, ProfileChanges, Scopes};
use crate::{AccountId, ApiKeyId, Claim, PasswordResetId, Recorded, Role};

/// Nothing personal is kept: no rule reads it, and a cache of it would outlive an erasure.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    status: Status,
    roles: BTreeSet<Role>,
    resets: Resets,
    keys: BTreeMap<ApiKeyId, Scopes>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    #[default]
    Absent,
    Active,
    Deactivated,
    Erased,
}

/// Why a request was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("there is no such account")]
    Unknown,
    #[error("this account exists already")]
    AlreadyRegistered,
    #[error("this account is deactivated")]
    Deactivated,
    #[error("this account has been erased")]
    Erased,
    #[error("operators are kept together, not on their own accounts")]
    OperatorsAreElsewhere,
    #[error("everyone is a member, and stays one")]
    EveryoneIsMember,
    #[error("the token was used, has expired or was replaced by a later one")]
    ResetVoid,
    #[error("an account has at most {KEYS_MAX} keys")]
    TooManyKeys,
    #[error("a key cannot act in a role that its account does not have")]
    RoleNotHeld,
    #[error("there is no such key")]
    KeyUnknown,
}

impl Account {
    pub const fn status(&self) -> Status {
        self.status
    }

    pub const fn is_active(&self) -> bool {
        matches!(self.status, Status::Active)
    }

    /// The roles granted on this stream: never `member`, which everyone is, nor `operator`.
    pub const fn roles(&self) -> &BTreeSet<Role> {
        &self.roles
    }

    /// Whether the letter of this request still opens the account.
    pub fn awaits(&self, reset: PasswordResetId, now: DateTime<Utc>) -> bool {
        self.is_active() && self.resets.allow(reset, now)
    }

    /// What a key may do; none if there is none, or none any more.
    pub fn key(&self, key: ApiKeyId) -> Option<&Scopes> {
        self.keys.get(&key)
    }

    /// Every rule about accounts, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, self.status) {
            (Command::Register { account, email, display_name, at }, Status::Absent) => {
                Ok(vec![Event::AccountRegistered { account, email, display_name, at }])
            }
            (Command::Register { .. }, _) => Err(Refusal::AlreadyRegistered),
            (_, Status::Absent) => Err(Refusal::Unknown),
            (Command::Erase { .. }, Status::Erased) => Ok(vec![]),
            (_, Status::Erased) => Err(Refusal::Erased),
            (Command::Erase { account, at }, _) => Ok(vec![Event::AccountErased { account, at }]),
            (Command::Deactivate { .. }, Status::Deactivated) => Ok(vec![]),
            (Command::Reactivate { account, at }, Status::Deactivated) => {
                Ok(vec![Event::AccountReactivated { account, at }])
            }
            (Command::RevokeRole { account, role, at }, _) => self.revoke(account, role, at),
            (Command::ReportRefreshReuse { account, session, at }, _) => {
                Ok(vec![Event::RefreshReuseDetected { account, session, at }])
            }
            (_, Status::Deactivated) => Err(Refusal::Deactivated),
            (Command::Deactivate { account, at }, Status::Active) => {
                Ok(vec![Event::AccountDeactivated { account, at }])
            }
            (Command::Reactivate { .. }, Status::Active) => Ok(vec![]),
            (Command::ChangeProfile { changes, .. }, _) if changes == ProfileChanges::default() => {
                Ok(vec![])
            }
            (Command::ChangeProfile { account, changes, at }, _) => {
                Ok(vec![Event::ProfileChanged { account, changes, at }])
            }
            (Command::ChangeEmail { account, email, at }, _) => {
                Ok(vec![Event::EmailChanged { account, email, at }])
            }
            (Command::ChangePassword { account, at }, _) => {
                Ok(vec![Event::PasswordChanged { account, at }])
            }
            (Command::RequestPasswordReset { at, .. }, _) if self.resets.suffice(at) => Ok(vec![]),
            (Command::RequestPasswordReset { account, reset, at }, _) => {
                Ok(vec![Event::PasswordResetRequested { account, reset, at }])
            }
            (Command::ResetPassword { account, reset, at }, _) if self.resets.allow(reset, at) => {
                Ok(vec![Event::PasswordChanged { account, at }])
            }
            (Command::ResetPassword { .. }, _) => Err(Refusal::ResetVoid),
            (Command::CreateApiKey { .. }, _) if self.keys.len() >= KEYS_MAX => {
                Err(Refusal::TooManyKeys)
            }
            (Command::CreateApiKey { ref scopes, is_operator, .. }, _)
                if !scopes.roles().all(|role| self.holds(role, is_operator)) =>
            {
                Err(Refusal::RoleNotHeld)
            }
            (Command::CreateApiKey { account, key, name, scopes, at, .. }, _) => {
                Ok(vec![Event::ApiKeyCreated { account, key, name, scopes, at }])
            }
            (Command::RevokeApiKey { account, key, at }, _) if self.keys.contains_key(&key) => {
                Ok(vec![Event::ApiKeyRevoked { account, key, at }])
            }
            (Command::RevokeApiKey { .. }, _) => Err(Refusal::KeyUnknown),
            (Command::GrantRole { account, role, at }, _) => self.grant(account, role, at),
        }
    }

    fn holds(&self, role: Role, is_operator: bool) -> bool {
        match role {
            Role::Operator => is_operator,
            role => self.roles.contains(&role),
        }
    }

    fn grant(&self, account: AccountId, role: Role, at: Time) -> Result<Vec<Event>, Refusal> {
        match role {
            Role::Operator => Err(Refusal::OperatorsAreElsewhere),
            Role::Member => Ok(vec![]),
            role if self.roles.contains(&role) => Ok(vec![]),
            role => Ok(vec![Event::RoleGranted { account, role, at }]),
        }
    }

    fn revoke(&self, account: AccountId, role: Role, at: Time) -> Result<Vec<Event>, Refusal> {
        match role {
            Role::Operator => Err(Refusal::OperatorsAreElsewhere),
            Role::Member => Err(Refusal::EveryoneIsMember),
            role if self.roles.contains(&role) => {
                Ok(vec![Event::RoleRevoked { account, role, at }])
            }
            _ => Ok(vec![]),
        }
    }
}

type Time = DateTime<Utc>;

impl Aggregate for Account {
    const TYPE: &'static str = "account";
    type Command = Command;
    type Event = Event;
    type Error = Refusal;
    type Services = ();

    async fn handle(
        &mut self,
        command: Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::AccountRegistered { .. } | Event::AccountReactivated { .. } => {
                self.status = Status::Active;
            }
            Event::ProfileChanged { .. } | Event::RefreshReuseDetected { .. } => {}
            Event::EmailChanged { .. } | Event::PasswordChanged { .. } => self.resets.close(),
            Event::PasswordResetRequested { reset, at, .. } => self.resets.open(reset, at),
            Event::ApiKeyCreated { key, scopes, .. } => {
                self.keys.insert(key, scopes);
            }
            Event::ApiKeyRevoked { key, .. } => {
                self.keys.remove(&key);
            }
            Event::RoleGranted { role, .. } => {
                self.roles.insert(role);
            }
            Event::RoleRevoked { role, .. } => {
                self.roles.remove(&role);
            }
            Event::AccountDeactivated { .. } => {
                self.status = Status::Deactivated;
                self.resets.close();
            }
            Event::AccountErased { .. } => {
                *self = Self { status: Status::Erased, ..Self::default() };
            }
        }
    }
}

impl Recorded for Account {
    fn claims(event: &Event) -> Vec<Claim> {
        let release =
            |account: &AccountId| Claim::Release { kind: "email", holder: account.to_string() };
        match event {
            Event::AccountRegistered { account, email, .. } => email
                .known()
                .map(|email| Claim::Unique {
                    kind: "email",
                    key: email.lookup(),
                    holder: account.to_string(),
                    personal: true,
                })
                .into_iter()
                .collect(),
            Event::EmailChanged { account, email, .. } => {
                let mut claims = vec![release(account)];
                claims.extend(email.known().map(|email| Claim::Unique {
                    kind: "email",
                    key: email.lookup(),
                    holder: account.to_string(),
                    personal: true,
                }));
                claims
            }
            Event::AccountErased { account, .. } => vec![release(account)],
            Event::ProfileChanged { .. }
            | Event::PasswordChanged { .. }
            | Event::PasswordResetRequested { .. }
            | Event::RefreshReuseDetected { .. }
            | Event::ApiKeyCreated { .. }
            | Event::ApiKeyRevoked { .. }
            | Event::RoleGranted { .. }
            | Event::RoleRevoked { .. }
            | Event::AccountDeactivated { .. }
            | Event::AccountReactivated { .. } => vec![],
        }
    }

    fn erases(event: &Event) -> Option<AccountId> {
        match event {
            Event::AccountErased { account, .. } => Some(*account),
            _ => None,
        }
    }
}
