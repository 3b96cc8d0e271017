use std::collections::BTreeSet;

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Event};
use crate::Recorded;

/// Whether it is paused, and which events it does without.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Projection {
    paused: bool,
    discarded: BTreeSet<i64>,
}

/// Nothing is refused: a request that is met already changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {}

impl Projection {
    pub const fn is_paused(&self) -> bool {
        self.paused
    }

    pub fn does_without(&self, position: i64) -> bool {
        self.discarded.contains(&position)
    }

    /// Every rule about looking after projections, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, self.paused) {
            (Command::Rebuild { projection, at }, _) => {
                Ok(vec![Event::ProjectionRebuildRequested { projection, at }])
            }
            (Command::Verify { projection, at }, _) => {
                Ok(vec![Event::ProjectionVerificationRequested { projection, at }])
            }
            (Command::Pause { projection, at }, false) => {
                Ok(vec![Event::ProjectionPaused { projection, at }])
            }
            (Command::Pause { .. }, true) => Ok(vec![]),
            (Command::Resume { projection, at }, true) => {
                Ok(vec![Event::ProjectionResumed { projection, at }])
            }
            (Command::Resume { .. }, false) => Ok(vec![]),
            (Command::RetryParked { projection, events, first, at }, _) => {
                Ok(vec![Event::ParkedEventsRetried { projection, events, first, at }])
            }
            (Command::RetryGroup { projection, group, events, first, at }, _) => {
                Ok(vec![Event::ParkedGroupRetried { projection, group, events, first, at }])
            }
            (Command::DiscardParked { position, .. }, _) if self.discarded.contains(&position) => {
                Ok(vec![])
            }
            (Command::DiscardParked { projection, position, reason, at }, _) => {
                Ok(vec![Event::ParkedEventDiscarded { projection, position, reason, at }])
            }
            (Command::DiscardGroup { projection, group, mut positions, reason, at }, _) => {
                positions.retain(|position| !self.discarded.contains(position));
                if positions.is_empty() {
                    return Ok(vec![]);
                }
                Ok(vec![Event::ParkedGroupDiscarded { projection, group, positions, reason, at }])
            }
        }
    }
}

impl Aggregate for Projection {
    const TYPE: &'static str = "projection";
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
            Event::ProjectionPaused { .. } => self.paused = true,
            Event::ProjectionResumed { .. } => self.paused = false,
            Event::ParkedEventDiscarded { position, .. } => {
                self.discarded.insert(position);
            }
            Event::ParkedGroupDiscarded { positions, .. } => self.discarded.extend(positions),
            Event::ProjectionRebuildRequested { .. }
            | Event::ProjectionVerificationRequested { .. }
            | Event::ParkedEventsRetried { .. }
            | Event::ParkedGroupRetried { .. } => {}
        }
    }
}

impl Recorded for Projection {}
