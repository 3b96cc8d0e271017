use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Event, Fit, Metrics};
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
    metrics: Option<Metrics>,
}

/// Whoever fits may offer; what is not taken is on record as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {}

impl Serving {
    fn is_known_by(&self, fit: &Fit) -> bool {
        fit.position <= self.position || fit.model_hash == self.model_hash
    }

    fn is_clearly_better_than(&self, fit: &Fit) -> bool {
        let metrics = fit.metrics.zip(self.metrics);
        metrics.is_some_and(|(new, ours)| new.is_clearly_worse_than(&ours))
    }
}

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
            (Command::Offer { fit, at }, None) => Ok(vec![Event::ModelTrained { fit, at }]),
            (Command::Offer { fit, .. }, Some(serving)) if serving.is_known_by(&fit) => Ok(vec![]),
            (Command::Offer { fit, at }, Some(serving)) if serving.is_clearly_better_than(&fit) => {
                let serving = serving.model_hash.clone();
                Ok(vec![Event::ModelRejected { fit, serving, at }])
            }
            (Command::Offer { fit, at }, Some(_)) => Ok(vec![Event::ModelTrained { fit, at }]),
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
                let Fit { position, model_hash, metrics, .. } = fit;
                self.serving = Some(Serving { position, model_hash, metrics });
            }
            Event::ModelRejected { .. } => {}
        }
    }
}

impl Recorded for Model {}
