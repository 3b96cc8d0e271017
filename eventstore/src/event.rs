//! Events as they stand in the log.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::{leaf, upcast};

/// What travels with an event besides its payload: command id, actor, correlation, trace.
pub type Metadata = BTreeMap<String, String>;

/// The name of one stream: the events of one aggregate.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StreamId {
    #[serde(rename = "type")]
    pub aggregate_type: String,
    #[serde(rename = "id")]
    pub aggregate_id: String,
}

impl StreamId {
    pub fn new(aggregate_type: impl Into<String>, aggregate_id: impl Into<String>) -> Self {
        Self { aggregate_type: aggregate_type.into(), aggregate_id: aggregate_id.into() }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.aggregate_type, self.aggregate_id)
    }
}

/// One event of the log, byte for byte as it was stored: personal values are sealed.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedEvent {
    /// Place in the log, dense from 1.
    pub position: i64,
    pub stream: StreamId,
    /// Place in the stream, dense from 1.
    pub sequence: i64,
    pub event_type: String,
    pub event_version: String,
    /// The stored JSON text.
    pub payload: String,
    /// The stored JSON text of a flat map of strings.
    pub metadata: String,
    /// When it was appended; never goes back as positions grow.
    pub recorded_at: DateTime<Utc>,
}

impl<'r> FromRow<'r, sqlx::postgres::PgRow> for StreamId {
    fn from_row(row: &'r sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
        use sqlx::Row;
        Ok(Self::new(
            row.try_get::<String, _>("aggregate_type")?,
            row.try_get::<String, _>("aggregate_id")?,
        ))
    }
}

/// Of a row that starts with position, aggregate_type, aggregate_id, sequence, event_type,
/// event_version, payload, metadata, recorded_at. By place and without a look at their types: logs
/// are read by the million, and names cost as much as the values. `payload` and `metadata` may thus
/// be json as they are stored; a cast would cost the server another copy.
impl<'r> FromRow<'r, sqlx::postgres::PgRow> for RecordedEvent {
    fn from_row(row: &'r sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
        use sqlx::Row;
        Ok(Self {
            position: row.try_get_unchecked(0)?,
            stream: StreamId {
                aggregate_type: row.try_get_unchecked(1)?,
                aggregate_id: row.try_get_unchecked(2)?,
            },
            sequence: row.try_get_unchecked(3)?,
            event_type: row.try_get_unchecked(4)?,
            event_version: row.try_get_unchecked(5)?,
            payload: row.try_get_unchecked(6)?,
            metadata: row.try_get_unchecked(7)?,
            recorded_at: row.try_get_unchecked(8)?,
        })
    }
}

/// An event whose stored form this program cannot understand.
#[derive(Debug, thiserror::Error)]
#[error("event {position} ({event_type} {event_version}) of {stream}: {source}")]
pub struct DecodeError {
    pub position: i64,
    pub stream: StreamId,
    pub event_type: String,
    pub event_version: String,
    pub source: serde_json::Error,
}

impl RecordedEvent {
    /// The event as a domain type, brought to today's version. Personal values stay sealed.
    pub fn decode<E: DeserializeOwned>(&self) -> Result<E, DecodeError> {
        upcast::upcast_text(&self.event_type, &self.event_version, &self.payload)
            .and_then(|payload| serde_json::from_str(&payload))
            .map_err(|source| DecodeError {
                position: self.position,
                stream: self.stream.clone(),
                event_type: self.event_type.clone(),
                event_version: self.event_version.clone(),
                source,
            })
    }

    /// The metadata as a map; empty if a foreign writer stored something else.
    pub fn metadata(&self) -> Metadata {
        serde_json::from_str(&self.metadata).unwrap_or_default()
    }

    /// Covers every column of the event; the hash chain is made of these.
    pub fn leaf(&self) -> [u8; 32] {
        leaf::leaf(&leaf::content_of(self), self.position, self.recorded_at)
    }
}
