//! Events as auditors see them.

use chrono::{DateTime, Utc};
use eventstore::{RecordedEvent, StreamId};
use serde::Serialize;
use serde_json::Value;
use service_kit::{Problem, StreamBody};
use utoipa::ToSchema;

use super::auditing::{Auditing, Reason};
use crate::App;

/// One event of the log, with the leaf that covers all of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShownEvent {
    pub position: i64,
    pub stream: StreamBody,
    pub sequence: i64,
    pub event_type: String,
    pub event_version: String,
    /// As stored: personal values are sealed unless they were asked for.
    #[schema(value_type = Object)]
    pub payload: Value,
    #[schema(value_type = Object)]
    pub metadata: Value,
    pub recorded_at: DateTime<Utc>,
    /// In hex.
    pub leaf: String,
}

pub(super) fn stream_body(stream: &StreamId) -> StreamBody {
    StreamBody { r#type: stream.aggregate_type.clone(), id: stream.aggregate_id.clone() }
}

impl ShownEvent {
    pub fn of(event: &RecordedEvent) -> Result<Self, Problem> {
        Ok(Self {
            position: event.position,
            stream: stream_body(&event.stream),
            sequence: event.sequence,
            event_type: event.event_type.clone(),
            event_version: event.event_version.clone(),
            payload: serde_json::from_str(&event.payload).map_err(Problem::internal)?,
            metadata: serde_json::from_str(&event.metadata).map_err(Problem::internal)?,
            recorded_at: event.recorded_at,
            leaf: hex::encode(event.leaf()),
        })
    }
}

/// The events, opened if there is a reason.
pub(super) async fn shown(
    app: &App,
    auditing: &Auditing,
    events: &[RecordedEvent],
    reason: Option<&Reason>,
) -> Result<Vec<ShownEvent>, Problem> {
    let mut shown = events.iter().map(ShownEvent::of).collect::<Result<Vec<_>, _>>()?;
    let Some(reason) = reason else { return Ok(shown) };
    let mut payloads: Vec<Value> = shown.iter_mut().map(|event| event.payload.take()).collect();
    reveal(app, auditing, &mut payloads, reason).await?;
    for (event, payload) in shown.iter_mut().zip(payloads) {
        event.payload = payload;
    }
    Ok(shown)
}

/// Opens personal values, after it was recorded who wanted them and why.
pub(super) async fn reveal(
    app: &App,
    auditing: &Auditing,
    documents: &mut [Value],
    reason: &Reason,
) -> Result<(), Problem> {
    auditing.reveals(app, reason).await;
    app.keys().open_values(documents).await.map_err(Problem::internal)
}
