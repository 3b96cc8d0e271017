use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Event};
use crate::Recorded;

/// Whether the item is dismissed now.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dismissal {
    stands: bool,
}

/// A reader may say so and take it back at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {}

impl Dismissal {
    /// Every rule about dismissals, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, self.stands) {
            (Command::Dismiss { dismissal, at }, false) => {
                Ok(vec![Event::RecommendationDismissed { dismissal, at }])
            }
            (Command::Dismiss { .. }, true) => Ok(vec![]),
            (Command::TakeBack { dismissal, at }, true) => {
                Ok(vec![Event::DismissalTakenBack { dismissal, at }])
            }
            (Command::TakeBack { .. }, false) => Ok(vec![]),
        }
    }
}

impl Aggregate for Dismissal {
    const TYPE: &'static str = "dismissal";
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
            Event::RecommendationDismissed { .. } => true,
            Event::DismissalTakenBack { .. } => false,
        };
    }
}

impl Recorded for Dismissal {}
