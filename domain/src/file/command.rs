use chrono::{DateTime, Utc};

use super::{Content, FileName, Target};

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// The content is stored already.
    Attach {
        target: Target,
        name: FileName,
        content: Content,
        at: DateTime<Utc>,
    },
    Remove {
        target: Target,
        name: FileName,
        at: DateTime<Utc>,
    },
}
