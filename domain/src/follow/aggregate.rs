use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Event};
use crate::Recorded;

/// Whether the one follows the other now.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Follow {
    follows: bool,
}

/// Why a request was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("nobody follows oneself")]
    Oneself,
}

impl Follow {
    /// Every rule about following, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, self.follows) {
            (Command::Follow { follow, .. }, _) if follow.follower == follow.followee => {
                Err(Refusal::Oneself)
            }
            (Command::Follow { follow, at }, false) => Ok(vec![Event::UserFollowed { follow, at }]),
            (Command::Follow { .. }, true) => Ok(vec![]),
            (Command::Unfollow { follow, at }, true) => {
                Ok(vec![Event::UserUnfollowed { follow, at }])
            }
            (Command::Unfollow { .. }, false) => Ok(vec![]),
        }
    }
}

impl Aggregate for Follow {
    const TYPE: &'static str = "follow";
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
        self.follows = match event {
            Event::UserFollowed { .. } => true,
            Event::UserUnfollowed { .. } => false,
        };
    }
}

impl Recorded for Follow {}
