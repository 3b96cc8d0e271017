use chrono::{DateTime, Utc};

use super::{ProfileChanges, Scopes};
use crate::{AccountId, ApiKeyId, Email, Name, PasswordResetId, Personal, Role, SessionId};

/// What can be asked of an account.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Register {
        account: AccountId,
        email: Personal<Email>,
        display_name: Personal<Name>,
        at: DateTime<Utc>,
    },
    ChangeProfile {
        account: AccountId,
        changes: ProfileChanges,
        at: DateTime<Utc>,
    },
    ChangeEmail {
        account: AccountId,
        email: Personal<Email>,
        at: DateTime<Utc>,
    },
    /// Which password it is stands elsewhere: the log holds none.
    ChangePassword {
        account: AccountId,
        at: DateTime<Utc>,
    },
    /// Somebody who says to be this person has forgotten the password, or never had one.
    RequestPasswordReset {
        account: AccountId,
        reset: PasswordResetId,
        at: DateTime<Utc>,
    },
    /// Somebody who has the letter chooses a password.
    ResetPassword {
        account: AccountId,
        reset: PasswordResetId,
        at: DateTime<Utc>,
    },
    /// A refresh token came back that had been used: two have it, and one of them has stolen it.
    ReportRefreshReuse {
        account: AccountId,
        session: SessionId,
        at: DateTime<Utc>,
    },
    /// Whether the account is an operator stands elsewhere.
    CreateApiKey {
        account: AccountId,
        key: ApiKeyId,
        name: Personal<Name>,
        scopes: Scopes,
        is_operator: bool,
        at: DateTime<Utc>,
    },
    RevokeApiKey {
        account: AccountId,
        key: ApiKeyId,
        at: DateTime<Utc>,
    },
    /// Any role but `operator`.
    GrantRole {
        account: AccountId,
        role: Role,
        at: DateTime<Utc>,
    },
    RevokeRole {
        account: AccountId,
        role: Role,
        at: DateTime<Utc>,
    },
    Deactivate {
        account: AccountId,
        at: DateTime<Utc>,
    },
    Reactivate {
        account: AccountId,
        at: DateTime<Utc>,
    },
    Erase {
        account: AccountId,
        at: DateTime<Utc>,
    },
}
