//! Reading the log: by position, by type, by stream; and waiting for its end to move.

use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio_util::task::AbortOnDropHandle;

use crate::event::{RecordedEvent, StreamId};
use crate::patience::{ANSWER_MAX, in_time};

/// Notified by every append with the last position as its payload.
pub(crate) const APPENDED_CHANNEL: &str = "daybook_appended";

/// How many pages of [`Reader::pages`] are being read or wait to be taken.
const PAGES_AHEAD: usize = 2;

/// A statement that reads whole events: the columns of [`RecordedEvent`] in its order, and which rows.
macro_rules! events {
    ($rows:literal) => {
        concat!(
            "select position, aggregate_type, aggregate_id, sequence, event_type, event_version,
                    payload, metadata, recorded_at
             from eventstore.events ",
            $rows
        )
    };
}

/// Which events; all that is said must hold.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub event_type: Option<String>,
    pub aggregate_type: Option<String>,
    pub aggregate_id: Option<String>,
    pub actor: Option<String>,
}

/// Events that name something only through another: a field of theirs is the id of a stream whose
/// first event names it.
#[derive(Debug, Clone, Copy)]
pub struct Through<'a> {
    /// Of the events.
    pub aggregate_types: &'a [&'a str],
    pub field: &'a str,
    /// Of the stream that the field is the id of.
    pub leads_to: &'a str,
}

/// Reads events. Every page is one short statement, so that a long read holds no snapshot open.
#[derive(Debug, Clone)]
pub struct Reader {
    pool: PgPool,
}

impl Reader {
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The last position of the log; 0 when it is empty.
    pub async fn head(&self) -> Result<i64, sqlx::Error> {
        let head = sqlx::query_scalar(
            "select coalesce((select last_position from eventstore.commits
                              order by last_position desc limit 1), 0)",
        );
        in_time(ANSWER_MAX, head.fetch_one(&self.pool)).await
    }

    /// Up to `limit` events after a position, in order.
    pub async fn page(&self, after: i64, limit: i64) -> Result<Vec<RecordedEvent>, sqlx::Error> {
        self.range(after, i64::MAX, limit).await
    }

    /// Up to `limit` events after a position and up to another, in order.
    pub async fn range(
        &self,
        after: i64,
        until: i64,
        limit: i64,
    ) -> Result<Vec<RecordedEvent>, sqlx::Error> {
        let events = sqlx::query_as(events!(
            "where position > $1 and position <= $2
             order by position
             limit $3"
        ))
        .bind(after)
        .bind(until)
        .bind(limit);
        in_time(ANSWER_MAX, events.fetch_all(&self.pool)).await
    }

    /// The events after a position and up to another, in order, in pages of so many. While one is
    /// worked on the next ones are read: positions are dense, so that it is known where they begin.
    /// A page with fewer events says that the log has lost some. Each is read by a task of its own,
    /// which holds no connection while its page waits.
    pub fn pages(
        &self,
        after: i64,
        until: i64,
        events: u16,
    ) -> impl Stream<Item = Result<Vec<RecordedEvent>, sqlx::Error>> + Send + use<> {
        let reader = self.clone();
        let starts = (after..until).step_by(usize::from(events.max(1)));
        stream::iter(starts)
            .map(move |start| {
                let (reader, events) = (reader.clone(), i64::from(events.max(1)));
                let end = until.min(start + events);
                let read = async move { reader.range(start, end, events).await };
                AbortOnDropHandle::new(tokio::spawn(read))
            })
            .buffered(PAGES_AHEAD)
            .map(|read| read.unwrap_or(Err(sqlx::Error::WorkerCrashed)))
    }

    /// Up to `limit` events of some aggregate types after a position, in order.
    pub async fn by_type(
        &self,
        aggregate_types: &[&str],
        after: i64,
        limit: i64,
    ) -> Result<Vec<RecordedEvent>, sqlx::Error> {
        let events = sqlx::query_as(events!(
            "where aggregate_type = any ($1) and position > $2
             order by position
             limit $3"
        ))
        .bind(aggregate_types)
        .bind(after)
        .bind(limit);
        in_time(ANSWER_MAX, events.fetch_all(&self.pool)).await
    }

    /// The events of some aggregate types after a position and up to another, in order. The window
    /// bounds the work however rare the types are: `|| ''` keeps a plan made before the table was
    /// analyzed from taking the primary key and sorting all there is of a type.
    pub async fn window(
        &self,
        aggregate_types: &[&str],
        after: i64,
        until: i64,
    ) -> Result<Vec<RecordedEvent>, sqlx::Error> {
        let events = sqlx::query_as(events!(
            "where aggregate_type || '' = any ($1) and position > $2 and position <= $3
             order by position"
        ))
        .bind(aggregate_types)
        .bind(after)
        .bind(until);
        in_time(ANSWER_MAX, events.fetch_all(&self.pool)).await
    }

    /// The wanted events after a position and up to another, in order. The span bounds the work,
    /// however rare they are; `|| ''` as in [`Self::window`].
    pub async fn wanted(
        &self,
        wanted: &Wanted,
        after: i64,
        until: i64,
    ) -> Result<Vec<RecordedEvent>, sqlx::Error> {
        let events = sqlx::query_as(events!(
            "where position > $1 and position <= $2
               and ($3::text is null or event_type || '' = $3)
               and ($4::text is null or aggregate_type || '' = $4)
               and ($5::text is null or aggregate_id || '' = $5)
               and ($6::text is null or metadata->>'actor' = $6)
             order by position"
        ))
        .bind(after)
        .bind(until)
        .bind(&wanted.event_type)
        .bind(&wanted.aggregate_type)
        .bind(&wanted.aggregate_id)
        .bind(&wanted.actor);
        in_time(ANSWER_MAX, events.fetch_all(&self.pool)).await
    }

    /// The events after a position and up to another that name something, such as an account: in
    /// the id of their stream, in their payload or in their metadata, or through another stream.
    /// The span bounds the work.
    pub async fn naming(
        &self,
        name: &str,
        through: Through<'_>,
        after: i64,
        until: i64,
        limit: i64,
    ) -> Result<Vec<RecordedEvent>, sqlx::Error> {
        let events = sqlx::query_as(events!(
            "where position > $2 and position <= $3
               and (strpos(aggregate_id, $1) > 0 or strpos(payload::text, $1) > 0
                    or strpos(metadata::text, $1) > 0
                    or aggregate_type = any ($5)
                       and exists (select from eventstore.events first
                                   where first.aggregate_type = $6
                                     and first.aggregate_id = events.payload->>$7
                                     and first.sequence = 1
                                     and strpos(first.payload::text, $1) > 0))
             order by position
             limit $4"
        ))
        .bind(name)
        .bind(after)
        .bind(until)
        .bind(limit)
        .bind(through.aggregate_types)
        .bind(through.leads_to)
        .bind(through.field);
        in_time(ANSWER_MAX, events.fetch_all(&self.pool)).await
    }

    /// Up to `limit` events of one stream after a sequence, in order.
    pub async fn stream(
        &self,
        stream: &StreamId,
        after_sequence: i64,
        limit: i64,
    ) -> Result<Vec<RecordedEvent>, sqlx::Error> {
        let events = sqlx::query_as(events!(
            "where aggregate_type = $1 and aggregate_id = $2 and sequence > $3
             order by sequence
             limit $4"
        ))
        .bind(&stream.aggregate_type)
        .bind(&stream.aggregate_id)
        .bind(after_sequence)
        .bind(limit);
        in_time(ANSWER_MAX, events.fetch_all(&self.pool)).await
    }

    /// Every event of some streams, those of each in order.
    pub(crate) async fn streams(
        &self,
        streams: &[&StreamId],
    ) -> Result<Vec<RecordedEvent>, sqlx::Error> {
        let (types, ids): (Vec<&str>, Vec<&str>) = streams
            .iter()
            .map(|stream| (stream.aggregate_type.as_str(), stream.aggregate_id.as_str()))
            .unzip();
        let events = sqlx::query_as(
            "select event.*
             from (select distinct * from unnest($1::text[], $2::text[]))
                  as wanted (aggregate_type, aggregate_id)
             cross join lateral (
                 select position, aggregate_type, aggregate_id, sequence, event_type,
                        event_version, payload, metadata, recorded_at
                 from eventstore.events
                 where aggregate_type = wanted.aggregate_type
                   and aggregate_id = wanted.aggregate_id
                 order by sequence) event",
        )
        .bind(types)
        .bind(ids);
        in_time(ANSWER_MAX, events.fetch_all(&self.pool)).await
    }

    /// Waits for the log to grow. Takes one connection for listening.
    pub async fn tail(&self) -> Result<Tail, sqlx::Error> {
        let listener = self.listen().await?;
        // What was appended before somebody listened.
        let head = self.head().await?;
        Ok(Tail { reader: self.clone(), listener, head })
    }

    async fn listen(&self) -> Result<PgListener, sqlx::Error> {
        in_time(ANSWER_MAX, async {
            let mut listener = PgListener::connect_with(&self.pool).await?;
            listener.listen(APPENDED_CHANNEL).await?;
            Ok(listener)
        })
        .await
    }
}

/// Wakes when something is appended; asks the log itself at the latest after the given time, since
/// a notification can be lost with its connection.
#[derive(Debug)]
pub struct Tail {
    reader: Reader,
    listener: PgListener,
    /// The last position that was heard of.
    head: i64,
}

impl Tail {
    /// Returns the last position as soon as it is past `position`, or after `patience` whatever it
    /// is then. Cancel-safe.
    pub async fn wait_past(
        &mut self,
        position: i64,
        patience: Duration,
    ) -> Result<i64, sqlx::Error> {
        let deadline = tokio::time::Instant::now() + patience;
        while self.head <= position {
            match tokio::time::timeout_at(deadline, self.listener.recv()).await {
                Ok(notified) => {
                    let mut newest = notified?;
                    while let Some(newer) = self.listener.next_buffered() {
                        newest = newer;
                    }
                    self.head = match newest.payload().parse() {
                        Ok(head) => head,
                        Err(_) => self.reader.head().await?,
                    };
                }
                Err(_) => {
                    self.head = self.reader.head().await?;
                    if self.head > position {
                        // We were not told: nobody may be there to tell us any more.
                        self.listener = self.reader.listen().await?;
                    }
                    return Ok(self.head);
                }
            }
        }
        Ok(self.head)
    }
}
