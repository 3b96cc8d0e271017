//! The stream itself: as it must be, whether it is so, and making it anew.

use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{
    CreateStreamErrorKind, DeleteStreamErrorKind, GetStreamErrorKind,
};
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, Info, RawMessageErrorKind, RetentionPolicy, StorageType, Stream,
};

use super::{Bus, BusError, message};
use crate::{ANSWER_MAX, Reader, in_time};

/// Messages leave the stream after this long.
pub const STREAM_AGE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// What the stream takes on disk at most.
pub const STREAM_BYTES_MAX: i64 = 10 << 30;
/// A server that cannot give even this much room gives no stream.
const STREAM_BYTES_MIN: i64 = 16 << 20;
/// How many events before the log's end a new stream begins with, so that a consumer of another
/// system that was a little behind loses nothing. Subscriptions never need them.
const REFILL_MAX: i64 = 100_000;
/// Held while a stream is made, so that two relays do not delete each other's.
const REMAKE_LOCK: i64 = 7_246_511_950_223_001;
/// Longer than the server waits for that lock.
const LOCK_MAX: Duration = Duration::from_secs(15);

/// The stream as it stands on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamStatus {
    pub first: i64,
    pub last: i64,
    pub messages: u64,
    pub bytes: u64,
    /// What is wrong with it, if anything.
    pub fault: Option<String>,
}

/// The limit on disk where so much is free: a quarter of it, at most [`STREAM_BYTES_MAX`].
pub fn stream_bytes(disk_free: u64) -> i64 {
    i64::try_from(disk_free / 4).unwrap_or(i64::MAX).clamp(STREAM_BYTES_MIN, STREAM_BYTES_MAX)
}

impl Bus {
    /// The stream as it is, compared with the log.
    pub async fn status(&self, reader: &Reader) -> Result<Option<StreamStatus>, BusError> {
        self.check_connected()?;
        match self.look_up().await? {
            Some(stream) => Ok(Some(self.inspect(&stream, reader).await?)),
            None => Ok(None),
        }
    }

    /// The last sequence of the stream, which is the last position published.
    pub(super) async fn last_sequence(&self) -> Result<Option<i64>, BusError> {
        self.check_connected()?;
        Ok(self.look_up().await?.map(|stream| last_of(stream.cached_info())))
    }

    /// Makes sure of a healthy stream and returns the last position published in it.
    pub(super) async fn ensure_stream(&self, reader: &Reader) -> Result<i64, BusError> {
        if let Ok(last) = self.healthy_last(reader).await? {
            return Ok(last);
        }
        let lock = in_time(LOCK_MAX, async {
            let mut lock = reader.pool().begin().await?;
            sqlx::query("set local lock_timeout = '10s'").execute(&mut *lock).await?;
            sqlx::query("select pg_advisory_xact_lock($1)")
                .bind(REMAKE_LOCK)
                .execute(&mut *lock)
                .await?;
            Ok::<_, BusError>(lock)
        })
        .await?;
        // Another relay may have made it while we waited.
        let last = match self.healthy_last(reader).await? {
            Ok(last) => last,
            Err(fault) => self.remake(reader, &fault).await?,
        };
        in_time(ANSWER_MAX, lock.commit()).await?;
        Ok(last)
    }

    /// The last sequence of a healthy stream, or what is wrong.
    async fn healthy_last(&self, reader: &Reader) -> Result<Result<i64, String>, BusError> {
        let status = self.status(reader).await?;
        Ok(match status {
            None => Err("it is missing".into()),
            Some(StreamStatus { fault: Some(fault), .. }) => Err(fault),
            Some(status) => Ok(status.last),
        })
    }

    async fn look_up(&self) -> Result<Option<Stream>, BusError> {
        match self.context.get_stream(&self.options.stream).await {
            Ok(stream) => Ok(Some(stream)),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(e)
                    if e.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    Ok(None)
                }
                _ => Err(error.into()),
            },
        }
    }

    async fn inspect(&self, stream: &Stream, reader: &Reader) -> Result<StreamStatus, BusError> {
        let info = stream.cached_info();
        let fault = match self.foreign(&info.config) {
            Some(field) => Some(format!("it is foreign: {field} is not as it should be")),
            None => self.damaged(stream, reader).await?,
        };
        Ok(StreamStatus {
            first: info.state.first_sequence.cast_signed(),
            last: last_of(info),
            messages: info.state.messages,
            bytes: info.state.bytes,
            fault,
        })
    }

    /// What the stream must be to hold each event in its place; the limits may be smaller.
    fn config(&self, first: i64, bytes: i64) -> Config {
        Config {
            name: self.options.stream.clone(),
            description: Some("Daybook's log: stream sequence = log position".into()),
            subjects: vec![message::subjects(&self.prefix)],
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            discard: DiscardPolicy::Old,
            max_age: STREAM_AGE_MAX,
            max_bytes: bytes,
            max_messages: -1,
            max_messages_per_subject: -1,
            max_consumers: -1,
            num_replicas: self.options.replicas,
            first_sequence: (first > 1).then_some(first.unsigned_abs()),
            ..Config::default()
        }
    }

    /// The first setting that is not ours.
    fn foreign(&self, found: &Config) -> Option<&'static str> {
        let ours = self.config(1, self.options.stream_bytes_max);
        let checks = [
            ("subjects", found.subjects == ours.subjects),
            ("retention", found.retention == ours.retention),
            ("storage", found.storage == ours.storage),
            ("discard", found.discard == ours.discard),
            ("max_age", found.max_age == ours.max_age),
            // More is no fault: relays with different settings would remake it in turns.
            ("num_replicas", found.num_replicas >= ours.num_replicas),
            ("max_bytes", (1..=STREAM_BYTES_MAX).contains(&found.max_bytes)),
            ("max_msgs", found.max_messages < 1),
            ("max_msgs_per_subject", found.max_messages_per_subject < 1),
            ("no_ack", !found.no_ack),
            ("sealed", !found.sealed),
            ("mirror", found.mirror.is_none()),
            ("sources", found.sources.as_ref().is_none_or(Vec::is_empty)),
            ("subject_transform", found.subject_transform.is_none()),
            ("allow_rollup_hdrs", !found.allow_rollup),
        ];
        checks.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
    }

    /// Whether the stream holds something else than the log does, or less than it claims.
    async fn damaged(&self, stream: &Stream, reader: &Reader) -> Result<Option<String>, BusError> {
        let state = &stream.cached_info().state;
        let last = last_of(stream.cached_info());
        let head = reader.head().await?;
        if last > head {
            return Ok(Some(format!("it is damaged: it ends at {last}, the log at {head}")));
        }
        if state.deleted_count.is_some_and(|deleted| deleted > 0) {
            return Ok(Some("it is damaged: messages were deleted".into()));
        }
        // Empty: just made, or everything in it is older than its age limit.
        if state.messages == 0 {
            return Ok(None);
        }
        let published = match stream.get_raw_message(state.last_sequence).await {
            Ok(message) => message,
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {
                return Ok(Some("it is damaged: its last message is gone".into()));
            }
            Err(error) => return Err(error.into()),
        };
        let recorded = reader.range(last - 1, last, 1).await?;
        let leaf = recorded.first().map(|event| hex::encode(event.leaf()));
        if leaf.is_none() || message::leaf(&published.headers) != leaf.as_deref() {
            return Ok(Some(format!("it holds another event than the log at position {last}")));
        }
        Ok(None)
    }

    /// Deletes the stream, if it is there. The next relay makes it anew.
    pub async fn delete_stream(&self) -> Result<(), BusError> {
        match self.context.delete_stream(&self.options.stream).await {
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                DeleteStreamErrorKind::JetStream(e)
                    if e.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    Ok(())
                }
                _ => Err(BusError::Delete(error)),
            },
        }
    }

    /// Deletes what is there and makes the stream anew, a little before the log's end.
    async fn remake(&self, reader: &Reader, fault: &str) -> Result<i64, BusError> {
        let name = &self.options.stream;
        self.delete_stream().await?;
        let first = (reader.head().await? - REFILL_MAX).max(0) + 1;
        let created = self.create(first).await?;
        tracing::info!(
            nats.stream = name,
            nats.first_sequence = first,
            fault,
            "made stream {name} anew from position {first} because {fault}"
        );
        Ok(last_of(created.cached_info()))
    }

    /// Creates the stream with as much room as the server gives, and looks whether it understood:
    /// old servers drop settings silently.
    async fn create(&self, first: i64) -> Result<Stream, BusError> {
        let mut bytes = self.options.stream_bytes_max;
        let created = loop {
            match self.context.create_stream(self.config(first, bytes)).await {
                Ok(created) => break created,
                Err(error) => match error.kind() {
                    CreateStreamErrorKind::JetStream(e)
                        if e.error_code() == ErrorCode::STORAGE_RESOURCES_EXCEEDED
                            && bytes > STREAM_BYTES_MIN =>
                    {
                        bytes /= 2;
                    }
                    _ => return Err(error.into()),
                },
            }
        };
        let info = created.cached_info();
        let otherwise = self.foreign(&info.config).or_else(|| {
            let checks = [
                ("max_bytes", info.config.max_bytes == bytes),
                ("num_replicas", info.config.num_replicas == self.options.replicas),
                ("first_seq", last_of(info) == first - 1),
            ];
            checks.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
        });
        match otherwise {
            Some(field) => Err(BusError::CreatedOtherwise(format!("{field} differs"))),
            None => Ok(created),
        }
    }
}

fn last_of(info: &Info) -> i64 {
    info.state.last_sequence.cast_signed()
}
