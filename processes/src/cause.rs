//! The event a process reacts to, and the commands that follow from it.

use chrono::{DateTime, SubsecRound, Utc};
use eventstore::{Context, DecodeError, Metadata, RecordedEvent};
use serde::Deserialize;

use crate::failure::Failure;
use crate::process::Process;

/// An event that a process reacts to.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    pub(crate) event: RecordedEvent,
    process: &'static str,
    occurred_at: DateTime<Utc>,
    metadata: Metadata,
}

/// An event to react to, and whose it is.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    /// The id of the event's stream, which can be read where the event itself cannot.
    pub(crate) instance: String,
    pub(crate) position: i64,
    pub(crate) cause: Result<Cause, Failure>,
}

impl Task {
    /// `None` for events that nothing follows from.
    pub(crate) fn of(process: &dyn Process, event: &RecordedEvent) -> Option<Self> {
        let (instance, position) = (event.stream.aggregate_id.clone(), event.position);
        process.reacts_to(event).then(|| {
            let cause = Cause::of(process.name(), event).map_err(Failure::from);
            Self { instance, position, cause }
        })
    }
}

#[derive(Deserialize)]
struct Occurred {
    at: DateTime<Utc>,
}

impl Cause {
    pub(crate) fn of(process: &'static str, event: &RecordedEvent) -> Result<Self, DecodeError> {
        let Occurred { at: occurred_at } = event.decode()?;
        Ok(Self { event: event.clone(), process, occurred_at, metadata: event.metadata() })
    }

    /// The context of one step's command.
    ///
    /// Its id never changes: a failure stores nothing, so a retry is the same command, and refusals
    /// are answers that a retry would only hear again.
    pub(crate) fn context(&self, step: &str) -> Context {
        let key = format!("{}:{step}", self.event.position);
        let mut context = Context::system(&format!("process:{}", self.process), key, self.now());
        for inherited in ["correlation_id", "traceparent", "source"] {
            if let Some(value) = self.metadata.get(inherited) {
                context = context.with(inherited, value);
            }
        }
        match self.metadata.get("command_id") {
            Some(command) => context.with("causation_id", command),
            None => context,
        }
    }

    /// It happened long ago, and is imported.
    pub(crate) fn is_history(&self) -> bool {
        self.metadata.get("source").is_some_and(|source| source == "import")
    }

    /// History that is imported happens at its own time, and so does what follows from it.
    fn now(&self) -> DateTime<Utc> {
        match self.is_history() {
            true => self.occurred_at,
            false => Utc::now().trunc_subsecs(6),
        }
    }
}
