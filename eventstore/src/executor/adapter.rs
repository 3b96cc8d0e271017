//! The log as a `cqrs_es::EventStore`, so that anyone's `CqrsFramework` runs on it.
//!
//! Give such a framework no queries: it runs them after the commit, outside any transaction, and
//! loses their updates in a crash. Projections read the log instead.

use std::collections::HashMap;
use std::marker::PhantomData;

use cqrs_es::{AggregateContext, AggregateError, EventEnvelope, EventStore};
use domain::Recorded;
use uuid::Uuid;

use super::{Log, StoreError};
use crate::append::{Append, NewEvent, Verdict, Write};
use crate::event::StreamId;
use crate::personal::PersonalError;

/// The log seen as cqrs-es's event store for one kind of aggregate.
pub struct CqrsStore<A> {
    log: Log,
    aggregate: PhantomData<fn() -> A>,
}

/// An aggregate on its way from load to commit.
pub struct CqrsContext<A> {
    aggregate_id: String,
    aggregate: A,
    sequence: usize,
}

impl<A: Recorded> AggregateContext<A> for CqrsContext<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.aggregate
    }
}

impl<A> CqrsStore<A> {
    pub const fn new(log: Log) -> Self {
        Self { log, aggregate: PhantomData }
    }
}

impl<A: Recorded> EventStore<A> for CqrsStore<A> {
    type AC = CqrsContext<A>;

    async fn load_events(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let stream = StreamId::new(A::TYPE, aggregate_id);
        let events = self.log.events_of::<A>(aggregate_id).await.map_err(unexpected)?;
        let recorded =
            self.log.reader().stream(&stream, 0, events.len() as i64).await.map_err(unexpected)?;
        Ok(events
            .into_iter()
            .zip(recorded)
            .map(|(payload, recorded)| EventEnvelope {
                aggregate_id: aggregate_id.to_owned(),
                sequence: recorded.sequence as usize,
                payload,
                metadata: recorded.metadata().into_iter().collect(),
            })
            .collect())
    }

    async fn load_aggregate(
        &self,
        aggregate_id: &str,
    ) -> Result<CqrsContext<A>, AggregateError<A::Error>> {
        let stream = StreamId::new(A::TYPE, aggregate_id);
        let loaded = self.log.read_aggregate::<A>(&stream).await.map_err(unexpected)?;
        Ok(CqrsContext {
            aggregate_id: aggregate_id.to_owned(),
            aggregate: loaded.state,
            sequence: loaded.sequence as usize,
        })
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: CqrsContext<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let stream = StreamId::new(A::TYPE, &context.aggregate_id);
        let append = self.append_of(&stream, &events, context.sequence, &metadata).await?;
        match self.log.append(append).await.map_err(unexpected)? {
            Verdict::Appended(_) | Verdict::Recovered(_) => {}
            Verdict::Conflict { .. } => return Err(AggregateError::AggregateConflict),
            other => return Err(unexpected(StoreError::Append(format!("{other:?}")))),
        }
        self.log.inner.cache.forget(&stream);
        Ok((context.sequence + 1..)
            .zip(events)
            .map(|(sequence, payload)| EventEnvelope {
                aggregate_id: context.aggregate_id.clone(),
                sequence,
                payload,
                metadata: metadata.clone(),
            })
            .collect())
    }
}

impl<A: Recorded> CqrsStore<A> {
    async fn append_of(
        &self,
        stream: &StreamId,
        events: &[A::Event],
        sequence: usize,
        metadata: &HashMap<String, String>,
    ) -> Result<Append, AggregateError<A::Error>> {
        use cqrs_es::DomainEvent;
        let metadata = serde_json::to_string(metadata).map_err(unexpected)?;
        let (mut new_events, mut claims) = (Vec::new(), Vec::new());
        let (mut subjects, mut erased) = (Vec::new(), Vec::new());
        for event in events {
            let payload = serde_json::to_string(event).map_err(unexpected)?;
            let sealed = match self.log.personal().seal_text(payload).await {
                Err(PersonalError::Erased(_)) => return Err(AggregateError::AggregateConflict),
                sealed => sealed.map_err(unexpected)?,
            };
            claims.extend(A::claims(event).into_iter().map(|claim| self.log.hash_personal(claim)));
            erased.extend(A::erases(event).map(|person| person.uuid()));
            subjects.extend(sealed.subjects);
            new_events.push(NewEvent {
                event_type: event.event_type(),
                event_version: event.event_version(),
                payload: sealed.json,
                metadata: metadata.clone(),
            });
        }
        Ok(Append {
            caller: "cqrs-es".to_owned(),
            key: Uuid::now_v7().to_string(),
            fingerprint: Vec::new(),
            refusal: None,
            writes: vec![Write {
                stream: stream.clone(),
                expected: sequence as i64,
                events: new_events,
            }],
            guards: Vec::new(),
            claims,
            subjects,
            erased,
        })
    }
}

fn unexpected<E, R>(error: E) -> AggregateError<R>
where
    E: std::error::Error + Send + Sync + 'static,
    R: std::error::Error,
{
    AggregateError::UnexpectedError(Box::new(error))
}
