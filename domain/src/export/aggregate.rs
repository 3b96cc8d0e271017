use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Event};
use crate::{ExportId, Recorded};

const AGAIN_AFTER: TimeDelta = TimeDelta::hours(1);
/// Nothing takes that long: it is not going to end.
const GIVEN_UP_AFTER: TimeDelta = TimeDelta::days(1);

/// The latest request; an account's name is the stream's.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonalExport {
    latest: Option<Latest>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Latest {
    export: ExportId,
    requested_at: DateTime<Utc>,
    is_complete: bool,
}

/// Why a request was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("the export asked for before is still being made")]
    Running,
    #[error("an export was asked for less than an hour ago; the next can be at {again_at}")]
    TooSoon { again_at: DateTime<Utc> },
}

impl PersonalExport {
    /// Every rule about exports, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, &self.latest) {
            (Command::Request { at, .. }, Some(latest)) if latest.runs(at) => Err(Refusal::Running),
            (Command::Request { at, .. }, Some(latest)) if at < latest.again_at() => {
                Err(Refusal::TooSoon { again_at: latest.again_at() })
            }
            (Command::Request { account, export, at }, _) => {
                Ok(vec![Event::ExportRequested { account, export, at }])
            }
            (Command::Complete { account, export, events, at }, Some(latest))
                if latest.export == export && !latest.is_complete =>
            {
                Ok(vec![Event::ExportCompleted { account, export, events, at }])
            }
            (Command::Complete { .. }, _) => Ok(vec![]),
        }
    }
}

impl Latest {
    fn runs(&self, now: DateTime<Utc>) -> bool {
        !self.is_complete && now < self.requested_at + GIVEN_UP_AFTER
    }

    fn again_at(&self) -> DateTime<Utc> {
        self.requested_at + AGAIN_AFTER
    }
}

impl Aggregate for PersonalExport {
    const TYPE: &'static str = "export";
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
            Event::ExportRequested { export, at, .. } => {
                self.latest = Some(Latest { export, requested_at: at, is_complete: false });
            }
            Event::ExportCompleted { export, .. } => {
                if let Some(latest) = self.latest.as_mut().filter(|l| l.export == export) {
                    latest.is_complete = true;
                }
            }
        }
    }
}

impl Recorded for PersonalExport {}
