use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Event, Fit};
use crate::Recorded;

/// The fit that serves.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    serving: Option<Serving>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Serving {
    position: i64,
    model_hash: String,
}

/// Whoever fits may offer; what is not taken is on record as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {}

impl Model {
    /// The position that the fit knows which serves.
    pub fn position(&self) -> i64 {
        self.serving.as_ref().map_or(0, |serving| serving.position)
    }

    /// The hash of the weights that serve.
    pub fn serving(&self) -> Option<&str> {
        self.serving.as_ref().map(|serving| serving.model_hash.as_str())
    }

    /// Every rule about fits, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, &self.serving) {
            (Command::Offer { fit, .. }, Some(serving)) if fit.position <= serving.position => {
                Ok(vec![])
            }
            (Command::Offer { fit, forgets: true, at }, _) => {
                Ok(vec![Event::ModelTrained { fit, at }])
            }
            (Command::Offer { fit, .. }, Some(serving)) if fit.model_hash == serving.model_hash => {
                Ok(vec![])
            }
            (Command::Offer { fit, at, .. }, Some(serving)) if fit.is_clearly_worse() => {
                let serving = serving.model_hash.clone();
                Ok(vec![Event::ModelRejected { fit, serving, at }])
            }
            (Command::Offer { fit, at, .. }, _) => Ok(vec![Event::ModelTrained { fit, at }]),
        }
    }
}

impl Aggregate for Model {
    const TYPE: &'static str = "model";
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
            Event::ModelTrained { fit, .. } => {
                let Fit { position, model_hash, .. } = fit;
                self.serving = Some(Serving { position, model_hash });
            }
            Event::ModelRejected { .. } => {}
        }
    }
}

impl Recorded for Model {}
