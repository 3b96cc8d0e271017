use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Phone, Scopes};
use crate::{
    AccountId, ApiKeyId, Email, Language, Name, PasswordResetId, Patch, Personal, Role, SessionId,
    Tags, wire::schemas,
};

/// What happened to an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    AccountRegistered {
        account: AccountId,
        email: Personal<Email>,
        display_name: Personal<Name>,
        at: DateTime<Utc>,
    },
    /// Only the changed fields: the old values are personal and stay where they are sealed.
    ProfileChanged {
        account: AccountId,
        changes: ProfileChanges,
        at: DateTime<Utc>,
    },
    EmailChanged {
        account: AccountId,
        email: Personal<Email>,
        at: DateTime<Utc>,
    },
    /// That it changed, by whom and when; its metadata names the credentials that open the account
    /// from now on.
    PasswordChanged {
        account: AccountId,
        at: DateTime<Utc>,
    },
    /// A letter follows. What opens the account is not here: it is made of the id with a key.
    PasswordResetRequested {
        account: AccountId,
        reset: PasswordResetId,
        at: DateTime<Utc>,
    },
    /// A refresh token was used twice: the session is ended, with every token that came of it.
    RefreshReuseDetected {
        account: AccountId,
        session: SessionId,
        at: DateTime<Utc>,
    },
    /// Without the key itself, of which only a keyed hash is kept, elsewhere.
    ApiKeyCreated {
        account: AccountId,
        key: ApiKeyId,
        name: Personal<Name>,
        scopes: Scopes,
        at: DateTime<Utc>,
    },
    ApiKeyRevoked {
        account: AccountId,
        key: ApiKeyId,
        at: DateTime<Utc>,
    },
    RoleGranted {
        account: AccountId,
        role: Role,
        at: DateTime<Utc>,
    },
    RoleRevoked {
        account: AccountId,
        role: Role,
        at: DateTime<Utc>,
    },
    AccountDeactivated {
        account: AccountId,
        at: DateTime<Utc>,
    },
    AccountReactivated {
        account: AccountId,
        at: DateTime<Utc>,
    },
    AccountErased {
        account: AccountId,
        at: DateTime<Utc>,
    },
}

/// The fields of a profile that change; absent fields stay as they are, `null` removes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ProfileChanges {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Personal<Name>>,
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub phone: Patch<Personal<Phone>>,
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub language: Patch<Language>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topics: Option<Tags>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<Channel>>,
}

/// How a person wants to hear from us.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Email,
    Sms,
}

impl Channel {
    /// As it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::AccountRegistered { .. } => ("AccountRegistered", "1.0.0"),
        Self::ProfileChanged { .. } => ("ProfileChanged", "1.0.0"),
        Self::EmailChanged { .. } => ("EmailChanged", "1.0.0"),
        Self::PasswordChanged { .. } => ("PasswordChanged", "1.0.0"),
        Self::PasswordResetRequested { .. } => ("PasswordResetRequested", "1.0.0"),
        Self::RefreshReuseDetected { .. } => ("RefreshReuseDetected", "1.0.0"),
        Self::ApiKeyCreated { .. } => ("ApiKeyCreated", "1.0.0"),
        Self::ApiKeyRevoked { .. } => ("ApiKeyRevoked", "1.0.0"),
        Self::RoleGranted { .. } => ("RoleGranted", "1.0.0"),
        Self::RoleRevoked { .. } => ("RoleRevoked", "1.0.0"),
        Self::AccountDeactivated { .. } => ("AccountDeactivated", "1.0.0"),
        Self::AccountReactivated { .. } => ("AccountReactivated", "1.0.0"),
        Self::AccountErased { .. } => ("AccountErased", "1.0.0"),
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
