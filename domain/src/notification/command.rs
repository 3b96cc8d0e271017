use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Message;
use crate::account::Channel;
use crate::{AccountId, ErrorText};

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a notification is called by a position, an account and a channel")]
pub struct NotificationIdError;

impl FromStr for NotificationId {
    type Err = NotificationIdError;

    fn from_str(text: &str) -> Result<Self, NotificationIdError> {
        let mut parts = text.splitn(3, ':');
        let mut part = || parts.next().ok_or(NotificationIdError);
        let (cause, recipient, channel) = (part()?, part()?, part()?);
        let channels = [Channel::Email, Channel::Sms];
        let channel = channels.into_iter().find(|one| one.name() == channel);
        Ok(Self {
            cause: cause.parse().map_err(|_| NotificationIdError)?,
            recipient: recipient.parse().map_err(|_| NotificationIdError)?,
            channel: channel.ok_or(NotificationIdError)?,
        })
    }
}

/// What the process has decided or found out, and what an operator asks for.
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
    /// An operator wants it sent after all.
    Retry {
        notification: NotificationId,
        at: DateTime<Utc>,
    },
    /// The recipient is gone.
    Cancel {
        notification: NotificationId,
        at: DateTime<Utc>,
    },
}
