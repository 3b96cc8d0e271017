use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Event, Score};
use crate::Recorded;

/// Absent until given, absent again once withdrawn.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    score: Option<Score>,
}

/// Why a request was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("there is no rating to withdraw")]
    NothingToWithdraw,
}

impl Rating {
    /// Every rule about ratings, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, self.score) {
            (Command::Rate { rating, score, at }, None) => {
                Ok(vec![Event::ItemRated { rating, score, at }])
            }
            (Command::Rate { score, .. }, Some(current)) if score == current => Ok(vec![]),
            (Command::Rate { rating, score: to, at }, Some(from)) => {
                Ok(vec![Event::RatingChanged { rating, from, to, at }])
            }
            (Command::Withdraw { rating, at }, Some(score)) => {
                Ok(vec![Event::RatingWithdrawn { rating, score, at }])
            }
            (Command::Withdraw { .. }, None) => Err(Refusal::NothingToWithdraw),
        }
    }
}

impl Aggregate for Rating {
    const TYPE: &'static str = "rating";
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
        self.score = match event {
            Event::ItemRated { score, .. } => Some(score),
            Event::RatingChanged { to, .. } => Some(to),
            Event::RatingWithdrawn { .. } => None,
        };
    }
}

impl Recorded for Rating {}
