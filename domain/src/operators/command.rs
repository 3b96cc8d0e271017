use chrono::{DateTime, Utc};

use crate::AccountId;

/// Makes and unmakes operators. That the account exists is the caller's to look up.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Grant { account: AccountId, at: DateTime<Utc> },
    Revoke { account: AccountId, at: DateTime<Utc> },
}
