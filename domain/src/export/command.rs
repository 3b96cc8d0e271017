use chrono::{DateTime, Utc};

use crate::{AccountId, ExportId};

/// What an account asks for, and what the process has done.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Request { account: AccountId, export: ExportId, at: DateTime<Utc> },
    Complete { account: AccountId, export: ExportId, events: u64, at: DateTime<Utc> },
}
