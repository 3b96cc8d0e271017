//! A stream up to a moment and what its events make of it: for auditors, and for `daybook replay`.

use chrono::{DateTime, Utc};
use eventstore::{Reader, RecordedEvent, StreamId};
use serde_json::Value;
use service_kit::Problem;

use super::state::replay;

/// Streams are short by design; a longer one is read page by page, not replayed in one answer.
const REPLAY_EVENTS_MAX: usize = 100_000;

/// Which moment of a stream; now, unless one of them says otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub struct Until {
    /// After this many events.
    pub sequence: Option<i64>,
    /// At this time, as recorded.
    pub at: Option<DateTime<Utc>>,
}

/// The events of one stream from its beginning.
#[derive(Debug, Clone)]
pub struct Replayed {
    pub stream: StreamId,
    pub events: Vec<RecordedEvent>,
}

impl Replayed {
    pub(super) async fn whole(reader: &Reader, stream: StreamId) -> Result<Self, Problem> {
        // One more than is replayed tells that there are more.
        let events = reader.stream(&stream, 0, REPLAY_EVENTS_MAX as i64 + 1).await?;
        if events.is_empty() { Err(unknown(&stream)) } else { Ok(Self { stream, events }) }
    }

    /// A stream without events is a problem; one without any until then has none.
    pub async fn until(reader: &Reader, stream: StreamId, until: Until) -> Result<Self, Problem> {
        let mut replayed = Self::whole(reader, stream).await?;
        if let Some(sequence) = until.sequence {
            let count = replayed.place("/query/sequence", sequence)?;
            replayed.events.truncate(count);
        }
        if let Some(at) = until.at {
            let count = replayed.events.partition_point(|event| event.recorded_at <= at);
            replayed.events.truncate(count);
        }
        Ok(replayed)
    }

    /// The state after these events; null before the first. Personal values are sealed.
    pub fn state(&self) -> Result<Value, Problem> {
        self.state_after(self.events.len())
    }

    pub(super) fn state_after(&self, count: usize) -> Result<Value, Problem> {
        if count > REPLAY_EVENTS_MAX {
            let detail =
                format!("at most {REPLAY_EVENTS_MAX} events are replayed: name a sequence");
            return Err(Problem::invalid("/query/sequence", detail));
        }
        replay(&self.stream.aggregate_type, &self.events[..count])
    }

    /// A sequence as a number of events.
    pub(super) fn place(&self, pointer: &str, sequence: i64) -> Result<usize, Problem> {
        let last = self.events.len();
        usize::try_from(sequence).ok().filter(|count| *count <= last).ok_or_else(|| {
            Problem::invalid(pointer, format!("the stream has sequences from 0 to {last}"))
        })
    }
}

pub(super) fn unknown(stream: &StreamId) -> Problem {
    Problem::not_found("stream-unknown", format!("there is no stream {stream}"))
}
