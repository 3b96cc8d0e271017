use chrono::{DateTime, Utc};

use crate::{Name, Text};

/// What an operator asks of a process. That the instance is parked is the caller's to look up. The
/// name of the process is the stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Retry { process: Name, instance: Text, position: i64, at: DateTime<Utc> },
}
