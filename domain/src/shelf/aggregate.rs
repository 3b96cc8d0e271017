use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Event};
use crate::Recorded;

/// Whether the item stands on the shelf now.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shelf {
    holds: bool,
}

/// Nothing that can be asked of a shelf is ever turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {}

impl Shelf {
    /// Every rule about favourites, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, self.holds) {
            (Command::AddFavourite { shelf, at }, false) => {
                Ok(vec![Event::FavouriteAdded { shelf, at }])
            }
            (Command::AddFavourite { .. }, true) => Ok(vec![]),
            (Command::RemoveFavourite { shelf, at }, true) => {
                Ok(vec![Event::FavouriteRemoved { shelf, at }])
            }
            (Command::RemoveFavourite { .. }, false) => Ok(vec![]),
        }
    }
}

impl Aggregate for Shelf {
    const TYPE: &'static str = "shelf";
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
        self.holds = match event {
            Event::FavouriteAdded { .. } => true,
            Event::FavouriteRemoved { .. } => false,
        };
    }
}

impl Recorded for Shelf {}
