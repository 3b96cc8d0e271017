use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Event};
use crate::Recorded;

/// Absent until requested.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    status: Status,
    /// How often it did not go out.
    failed: u32,
    /// How often of these before an operator had it retried.
    before: u32,
    /// When it is to be tried again.
    retry_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    #[default]
    Absent,
    Waiting,
    Sent,
    GivenUp,
    Cancelled,
}

/// Why a step was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("this notification was never requested")]
    NotRequested,
    #[error("this notification was not given up")]
    NotGivenUp,
}

impl Notification {
    pub const fn status(&self) -> Status {
        self.status
    }

    pub const fn failed(&self) -> u32 {
        self.failed
    }

    /// The same, since it was requested or retried.
    pub const fn failed_lately(&self) -> u32 {
        self.failed - self.before
    }

    pub const fn retry_at(&self) -> Option<DateTime<Utc>> {
        self.retry_at
    }

    /// Every rule about notifications, one row each: what is over stays as it is, unless it was
    /// given up and an operator wants it sent.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        let attempt = self.failed + 1;
        match (command, self.status) {
            (Command::Request { notification, message, at }, Status::Absent) => {
                Ok(vec![Event::NotificationRequested { notification, message, at }])
            }
            (Command::Request { .. }, _) => Ok(vec![]),
            (_, Status::Absent) => Err(Refusal::NotRequested),
            (Command::MarkSent { notification, at }, Status::Waiting) => {
                Ok(vec![Event::NotificationSent { notification, attempt, at }])
            }
            (Command::MarkFailed { notification, error, retry_at, at }, Status::Waiting) => {
                Ok(vec![Event::NotificationFailed { notification, attempt, error, retry_at, at }])
            }
            (Command::GiveUp { notification, error, at }, Status::Waiting) => {
                Ok(vec![Event::NotificationGivenUp { notification, attempt, error, at }])
            }
            (Command::Cancel { notification, at }, Status::Waiting) => {
                Ok(vec![Event::NotificationCancelled { notification, at }])
            }
            (Command::Retry { notification, at }, Status::GivenUp) => {
                Ok(vec![Event::NotificationRetried { notification, at }])
            }
            (Command::Retry { .. }, _) => Err(Refusal::NotGivenUp),
            (_, Status::Sent | Status::GivenUp | Status::Cancelled) => Ok(vec![]),
        }
    }
}

impl Aggregate for Notification {
    const TYPE: &'static str = "notification";
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
            Event::NotificationRequested { .. } => self.status = Status::Waiting,
            Event::NotificationSent { .. } => self.status = Status::Sent,
            Event::NotificationFailed { attempt, retry_at, .. } => {
                self.failed = attempt;
                self.retry_at = Some(retry_at);
            }
            Event::NotificationGivenUp { attempt, .. } => {
                self.status = Status::GivenUp;
                self.failed = attempt;
            }
            Event::NotificationRetried { .. } => {
                self.status = Status::Waiting;
                self.before = self.failed;
                self.retry_at = None;
            }
            Event::NotificationCancelled { .. } => self.status = Status::Cancelled,
        }
    }
}

impl Recorded for Notification {}
