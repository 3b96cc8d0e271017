//! Aggregates out of their events.

use std::fmt::Display;

use cqrs_es::persist::{PersistedEventRepository, PersistenceError, SerializedEvent};
use domain::Recorded;
use postgres_es::PostgresEventRepository;

use super::cache::Pending;
use super::{Log, StoreError};
use crate::append::basis::Basis;
use crate::event::{DecodeError, StreamId};
use crate::upcast;

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
        held: &'a mut Option<Pending<A>>,
        stream: &StreamId,
    ) -> Result<&'a mut Pending<A>, StoreError> {
        if held.as_ref().is_none_or(|pending| pending.basis.has_fallen()) {
            *held = None;
            *held = Some(self.read_aggregate(stream).await?);
        }
        Ok(held.as_mut().expect("it was filled above"))
    }

    /// The domain events of a stream, personal values opened, brought to today's version.
    pub async fn events_of<A: Recorded>(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<A::Event>, StoreError> {
        let repository = PostgresEventRepository::new(self.pool().clone())
            .with_tables("eventstore.events", "eventstore.no_snapshots");
        let serialized = repository
            .get_events::<A>(aggregate_id)
            .await
            .map_err(|error| unread(error, A::TYPE, aggregate_id))?;
        let mut events = Vec::with_capacity(serialized.len());
        for event in serialized {
            events.push(self.open_event::<A>(event).await?);
        }
        Ok(events)
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

    pub(super) async fn read_aggregate<A: Recorded>(
        &self,
        stream: &StreamId,
    ) -> Result<Pending<A>, StoreError> {
        let events = self.events_of::<A>(&stream.aggregate_id).await?;
        let sequence = events.len() as i64;
        let mut state = A::default();
        for event in events {
            state.apply(event);
        }
        Ok(Pending { state, sequence, basis: Basis::read_at(sequence) })
    }
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
