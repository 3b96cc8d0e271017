//! Aggregates out of their events.

use std::fmt::Display;

use domain::Recorded;

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
        let recorded = self.inner.loads.read(&StreamId::new(A::TYPE, aggregate_id)).await?;
        let mut events = Vec::with_capacity(recorded.len());
        for event in &recorded {
            events.push(self.open_event::<A>(event).await?);
        }
        Ok(events)
    }

    /// An aggregate as the log has it this moment, past every cache: what [`Self::load`] has in memory
    /// may be older than what another program has appended.
    pub async fn load_anew<A: Recorded>(&self, id: impl Display) -> Result<Loaded<A>, StoreError> {
        let events = self.events_of::<A>(&id.to_string()).await?;
        let sequence = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let mut state = A::default();
        events.into_iter().for_each(|event| state.apply(event));
        Ok(Loaded { state, sequence })
    }

    async fn open_event<A: Recorded>(&self, event: &RecordedEvent) -> Result<A::Event, StoreError> {
        let opened = self.personal().open_text(&event.payload).await?;
        let payload = upcast::upcast_text(&event.event_type, &event.event_version, &opened);
        payload.and_then(|payload| serde_json::from_str(&payload)).map_err(|source| {
            StoreError::Decode(DecodeError {
                position: event.position,
                stream: event.stream.clone(),
                event_type: event.event_type.clone(),
                event_version: event.event_version.clone(),
                source,
            })
        })
    }

    /// From the first event on.
    pub(super) async fn read_aggregate<A: Recorded>(
        &self,
        stream: &StreamId,
    ) -> Result<Known<A>, StoreError> {
        let events = self.inner.loads.read(stream).await?;
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
            let mut events = page.into_iter();
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
        events: impl IntoIterator<Item = RecordedEvent, IntoIter: Send>,
    ) -> Result<(), StoreError> {
        for event in events {
            known.state.apply(self.open_event::<A>(&event).await?);
            known.sequence += 1;
            known.last = Some(event);
        }
        Ok(())
    }
}
