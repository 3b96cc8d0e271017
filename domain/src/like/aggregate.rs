use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Event};
use crate::Recorded;

/// Whether the reader likes the target now.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Like {
    stands: bool,
}

/// Nothing that can be asked of a like is ever turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {}

impl Like {
    /// Every rule about likes, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, self.stands) {
            (Command::Like { like, at }, false) => Ok(vec![Event::Liked { like, at }]),
            (Command::Like { .. }, true) => Ok(vec![]),
            (Command::Unlike { like, at }, true) => Ok(vec![Event::Unliked { like, at }]),
            (Command::Unlike { .. }, false) => Ok(vec![]),
        }
    }
}

impl Aggregate for Like {
    const TYPE: &'static str = "like";
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
        self.stands = match event {
            Event::Liked { .. } => true,
            Event::Unliked { .. } => false,
        };
    }
}

impl Recorded for Like {}
