use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Event};
use crate::Recorded;

/// Nothing that was done to a process decides what may be done next.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Process {}

/// Nothing is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {}

impl Process {
    /// Every rule about looking after processes, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Retry { process, instance, position, at } => {
                Ok(vec![Event::ProcessInstanceRetried { process, instance, position, at }])
            }
        }
    }
}

impl Aggregate for Process {
    const TYPE: &'static str = "process";
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
            Event::ProcessInstanceRetried { .. } => {}
        }
    }
}

impl Recorded for Process {}
