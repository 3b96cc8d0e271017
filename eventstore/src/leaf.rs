//! The leaves of the hash chain; the layout is documented in docs/HASHCHAIN.md.
//!
//! A leaf has two steps because the content of an event is known to the writer, its position and
//! time only under the append lock: `content` is computed here, the leaf by the append in SQL.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::event::RecordedEvent;

/// SHA-256 of the chain up to a commit.
pub type ChainHash = [u8; 32];

/// Microseconds from 1970 to 2000, where Postgres starts counting.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Covers what the writer knows of an event: each column with its length before it.
pub fn content_hash(
    aggregate_type: &str,
    aggregate_id: &str,
    sequence: i64,
    event_type: &str,
    event_version: &str,
    payload: &str,
    metadata: &str,
) -> [u8; 32] {
    let sequence = sequence.to_string();
    let columns =
        [aggregate_type, aggregate_id, &sequence, event_type, event_version, payload, metadata];
    let mut hash = Sha256::new();
    for column in columns {
        hash.update((column.len() as u32).to_be_bytes());
        hash.update(column.as_bytes());
    }
    hash.finalize().into()
}

pub(crate) fn content_of(event: &RecordedEvent) -> [u8; 32] {
    content_hash(
        &event.stream.aggregate_type,
        &event.stream.aggregate_id,
        event.sequence,
        &event.event_type,
        &event.event_version,
        &event.payload,
        &event.metadata,
    )
}

pub(crate) fn leaf(content: &[u8; 32], position: i64, recorded_at: DateTime<Utc>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(content);
    hash.update(position.to_be_bytes());
    hash.update((recorded_at.timestamp_micros() - POSTGRES_EPOCH_MICROS).to_be_bytes());
    hash.finalize().into()
}
