use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Event, Lists};
use crate::Recorded;

/// Whether a day has its lists.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weekly {
    fixed: bool,
}

/// Why lists were turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    #[error("a list is longer than lists may be")]
    TooLong,
}

impl Weekly {
    pub fn is_fixed(&self) -> bool {
        self.fixed
    }

    /// Every rule about the lists of a day, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, self.fixed) {
            (Command::Fix { .. }, true) => Ok(vec![]),
            (Command::Fix { lists, .. }, false) if !lists.iter().all(Lists::has_its_limits) => {
                Err(Refusal::TooLong)
            }
            (Command::Fix { day, lists, at }, false) => {
                let fixed = lists.into_iter();
                Ok(fixed.map(|fixed| Event::WeeklyListsFixed { day, fixed, at }).collect())
            }
        }
    }
}

impl Aggregate for Weekly {
    const TYPE: &'static str = "weekly";
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
            Event::WeeklyListsFixed { .. } => self.fixed = true,
        }
    }
}

impl Recorded for Weekly {}
