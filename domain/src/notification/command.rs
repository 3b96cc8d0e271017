use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Message;
use crate::AccountId;
use crate::account::Channel;

/// What happened at a position of the log, told to one person over one channel. Its text form names
/// the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct NotificationId {
    pub cause: i64,
    pub recipient: AccountId,
    pub channel: Channel,
}

impl fmt::Display for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.cause, self.recipient, self.channel.name())
    }
}

/// What the process has decided or found out.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Request {
        notification: NotificationId,
        message: Message,
        at: DateTime<Utc>,
    },
    MarkSent {
        notification: NotificationId,
        at: DateTime<Utc>,
    },
    /// It did not go out and will be tried again.
    MarkFailed {
        notification: NotificationId,
        error: ErrorText,
        retry_at: DateTime<Utc>,
        at: DateTime<Utc>,
    },
    /// It did not go out and will not be tried again.
    GiveUp {
        notification: NotificationId,
        error: ErrorText,
        at: DateTime<Utc>,
    },
    /// The recipient is gone.
    Cancel {
        notification: NotificationId,
        at: DateTime<Utc>,
    },
}

/// What a server or a program of ours said went wrong, cut to a length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(extend("maxLength" = Self::CHARS_MAX))]
pub struct ErrorText(String);

impl ErrorText {
    const CHARS_MAX: usize = 500;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for ErrorText {
    fn from(text: String) -> Self {
        // Text of servers may hold what the log refuses.
        let plain = text.chars().filter(|c| !c.is_control()).take(Self::CHARS_MAX);
        Self(plain.collect())
    }
}

impl From<ErrorText> for String {
    fn from(text: ErrorText) -> Self {
        text.0
    }
}
