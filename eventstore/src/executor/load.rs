//! Aggregates out of their events.

use std::fmt::Display;

use cqrs_es::persist::{PersistedEventRepository, PersistenceError, SerializedEvent};
use domain::Recorded;
use postgres_es::PostgresEventRepository;

use super::cache::{Held, Known, Pending};
use super::{Log, StoreError};
use crate::append::basis::Basis;
use crate::event::{DecodeError, RecordedEvent, StreamId};
use crate::upcast;

/// Of a stream with so many events the last state read is kept beside the pending one; a shorter
/// one is read whole again as fast.
const LONG_EVENTS: i64 = 32;
/// A page of what came since.
const TAIL_EVENTS: i64 = 1_000;

/// An aggregate and how many events made it.
#[derive(Debug, Clone)]
pub struct Loaded<A> {
    pub state: A,
    pub sequence: i64,
}

impl<A> Loaded<A> {
    /// Nothing has ever happened to it.
    pub const fn is_new(&self) -> bool {
        self.sequence == 0
    }
}

impl Log {
    /// An aggregate as it is, or as it will be once the commands in the queue are appended.
    pub async fn load<A: Recorded>(&self, id: impl Display) -> Result<Loaded<A>, StoreError> {
        let stream = StreamId::new(A::TYPE, id.to_string());
        let (loaded, _) = self.load_with_basis(&stream).await?;
        Ok(loaded)
    }

    pub(super) async fn load_with_basis<A: Recorded>(
        &self,
        stream: &StreamId,
    ) -> Result<(Loaded<A>, Basis), StoreError> {
        let slot = self.inner.cache.slot::<A>(stream);
        let mut held = slot.lock().await;
        let Pending { state, sequence, basis } = self.pending(&mut held, stream).await?;
        Ok((Loaded { state: state.clone(), sequence: *sequence }, basis.clone()))
    }

    /// What the slot holds; read from the log if that is nothing, or stands on nothing.
    pub(super) async fn pending<'a, A: Recorded>(
        &self,
        held: &'a mut Held<A>,
        stream: &StreamId,
    ) -> Result<&'a mut Pending<A>, StoreError> {
        if held.pending.as_ref().is_none_or(|pending| pending.basis.has_fallen()) {
            held.pending = None;
            let known = match held.known.take() {
                Some(known) => self.read_on(known, stream).await?,
                None => self.read_aggregate(stream).await?,
            };
            let (state, sequence) = (known.state.clone(), known.sequence);
            held.pending = Some(Pending { state, sequence, basis: Basis::read_at(sequence) });
            held.known = (sequence >= LONG_EVENTS).then_some(known);
        }
        Ok(held.pending.as_mut().expect("it was filled above"))
    }

    /// The domain events of a stream, personal values opened, brought to today's version.
    pub async fn events_of<A: Recorded>(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<A::Event>, StoreError> {
        let serialized = self.serialized_events::<A>(aggregate_id).await?;
        let mut events = Vec::with_capacity(serialized.len());
        for event in serialized {
            events.push(self.open_event::<A>(event).await?);
        }
        Ok(events)
    }

    async fn serialized_events<A: Recorded>(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<SerializedEvent>, StoreError> {
        PostgresEventRepository::new(self.pool().clone())
            .with_tables("eventstore.events", "eventstore.no_snapshots")
            .get_events::<A>(aggregate_id)
            .await
            .map_err(|error| unread(error, A::TYPE, aggregate_id))
    }

    async fn open_event<A: Recorded>(
        &self,
        mut event: SerializedEvent,
    ) -> Result<A::Event, StoreError> {
        self.personal().open_value(&mut event.payload).await?;
        let payload = upcast::upcast(&event.event_type, &event.event_version, event.payload);
        serde_json::from_value(payload).map_err(|source| {
            StoreError::Decode(DecodeError {
                position: 0,
                stream: StreamId::new(event.aggregate_type, event.aggregate_id),
                event_type: event.event_type,
                event_version: event.event_version,
                source,
            })
        })
    }

    /// From the first event on.
    pub(super) async fn read_aggregate<A: Recorded>(
        &self,
        stream: &StreamId,
    ) -> Result<Known<A>, StoreError> {
        let events = self.serialized_events::<A>(&stream.aggregate_id).await?;
        let mut known = Known { state: A::default(), sequence: 0, last: None };
        self.apply(&mut known, events).await?;
        Ok(known)
    }

    /// What came since; all of it anew if the log is not the one that was read before.
    async fn read_on<A: Recorded>(
        &self,
        mut known: Known<A>,
        stream: &StreamId,
    ) -> Result<Known<A>, StoreError> {
        loop {
            let page = self.reader().stream(stream, known.sequence - 1, TAIL_EVENTS).await?;
            let is_last = (page.len() as i64) < TAIL_EVENTS;
            let mut events = Vec::with_capacity(page.len());
            for event in page {
                events.push(serialized(event)?);
            }
            let mut events = events.into_iter();
            if events.next() != known.last {
                return self.read_aggregate(stream).await;
            }
            self.apply(&mut known, events).await?;
            if is_last {
                return Ok(known);
            }
        }
    }

    async fn apply<A: Recorded>(
        &self,
        known: &mut Known<A>,
        events: impl IntoIterator<Item = SerializedEvent, IntoIter: Send>,
    ) -> Result<(), StoreError> {
        let mut events = events.into_iter().peekable();
        while let Some(event) = events.next() {
            if events.peek().is_none() {
                known.last = Some(event.clone());
            }
            known.state.apply(self.open_event::<A>(event).await?);
            known.sequence += 1;
        }
        Ok(())
    }
}

/// As postgres-es reads it.
fn serialized(event: RecordedEvent) -> Result<SerializedEvent, StoreError> {
    Ok(SerializedEvent {
        aggregate_id: event.stream.aggregate_id,
        sequence: event.sequence as usize,
        aggregate_type: event.stream.aggregate_type,
        event_type: event.event_type,
        event_version: event.event_version,
        payload: serde_json::from_str(&event.payload)?,
        metadata: serde_json::from_str(&event.metadata)?,
    })
}

/// A database that cannot be reached is told from everything else: the one passes, the other not.
fn unread(error: PersistenceError, aggregate_type: &str, aggregate_id: &str) -> StoreError {
    let stream = format!("{aggregate_type}/{aggregate_id}");
    match error {
        PersistenceError::ConnectionError(cause) | PersistenceError::UnknownError(cause) => {
            match cause.downcast::<sqlx::Error>() {
                Ok(cause) => StoreError::Database(*cause),
                Err(cause) => StoreError::Load(format!("{stream}: {cause}")),
            }
        }
        other => StoreError::Load(format!("{stream}: {other}")),
    }
}
