//! The event a process reacts to, and the commands that follow from it.

use chrono::{DateTime, SubsecRound, Utc};
use domain::OrderId;
use eventstore::{Context, DecodeError, Metadata, RecordedEvent};
use serde::Deserialize;

use crate::failure::Failure;

/// What a process must know of an event to react to it.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    pub(crate) order: OrderId,
    pub(crate) kind: Kind,
    pub(crate) position: i64,
    occurred_at: DateTime<Utc>,
    metadata: Metadata,
}

/// What happened to the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Placed,
    Cancelled,
    Shipped,
}

/// An event to react to, and whose it is.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    /// The id of the order's stream, which can be read where the event itself cannot.
    pub(crate) instance: String,
    pub(crate) position: i64,
    pub(crate) cause: Result<Cause, Failure>,
}

impl Task {
    /// `None` for events that nothing follows from.
    pub(crate) fn of(event: &RecordedEvent) -> Option<Self> {
        let cause = Cause::of(event).map_err(Failure::from).transpose()?;
        let (instance, position) = (event.stream.aggregate_id.clone(), event.position);
        Some(Self { instance, position, cause })
    }
}

#[derive(Deserialize)]
struct Occurred {
    order: OrderId,
    at: DateTime<Utc>,
}

impl Cause {
    /// `None` for events that nothing follows from.
    pub(crate) fn of(event: &RecordedEvent) -> Result<Option<Self>, DecodeError> {
        let kind = match (event.stream.aggregate_type.as_str(), event.event_type.as_str()) {
            ("order", "OrderPlaced") => Kind::Placed,
            ("order", "OrderCancelled") => Kind::Cancelled,
            ("order", "OrderShipped") => Kind::Shipped,
            _ => return Ok(None),
        };
        let Occurred { order, at } = event.decode()?;
        let (position, metadata) = (event.position, event.metadata());
        Ok(Some(Self { order, kind, position, occurred_at: at, metadata }))
    }

    /// The context of one step's command.
    ///
    /// Its id never changes: a failure stores nothing, so a retry is the same command, and refusals
    /// are answers that a retry would only hear again.
    pub(crate) fn context(&self, process: &str, step: &str) -> Context {
        let key = format!("{}:{step}", self.position);
        let mut context = Context::system(&format!("process:{process}"), key, self.now());
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

    /// History that is imported happens at its own time, and so does what follows from it.
    fn now(&self) -> DateTime<Utc> {
        match self.metadata.get("source").map(String::as_str) {
            Some("import") => self.occurred_at,
            _ => Utc::now().trunc_subsecs(6),
        }
    }
}
