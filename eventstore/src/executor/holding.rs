//! A stream that is held while a command is decided on it, and what the command comes to there.

use cqrs_es::DomainEvent;
use cqrs_es::event_sink::EventSink;
use domain::{Claim, Recorded};
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::cache::{Held, Pending};
use super::{ExecuteError, Log, StoreError};
use crate::append::basis::Basis;
use crate::append::{EVENT_BYTES_MAX, NewEvent, Write};
use crate::context::Context;
use crate::event::StreamId;
use crate::personal::PersonalError;

/// A stream's place in the cache. Nobody else decides on the stream until this is dropped.
pub(super) struct Holding<A: Recorded> {
    pub(super) stream: StreamId,
    held: OwnedMutexGuard<Held<A>>,
}

/// What a command comes to in one stream.
pub(super) struct Decided<A: Recorded> {
    pub(super) part: Part,
    pub(super) refusal: Option<A::Error>,
    /// The stream after it.
    pub(super) next: Pending<A>,
}

/// What of an append comes of one stream's events. A refusal has none.
pub(super) struct Part {
    pub(super) write: Write,
    pub(super) claims: Vec<Claim>,
    pub(super) subjects: Vec<Uuid>,
    pub(super) erased: Vec<Uuid>,
    /// What it was decided on.
    pub(super) basis: Basis,
}

impl Part {
    /// Nothing comes of it: something else that was decided with it was refused.
    pub(super) fn withdraw(&mut self) {
        self.write.events.clear();
        self.claims.clear();
        self.subjects.clear();
        self.erased.clear();
    }
}

impl<A: Recorded> Holding<A> {
    pub(super) fn pending(&self) -> &Pending<A> {
        self.held.pending.as_ref().expect("it was filled when the stream was taken")
    }

    /// The command is in line: whoever comes next decides on what it leads to.
    pub(super) fn go_on_from(&mut self, next: Pending<A>) {
        self.held.pending = Some(next);
    }

    /// Whoever comes next reads the log.
    pub(super) fn forget(&mut self) {
        self.held.pending = None;
    }
}

impl Log {
    pub(super) async fn hold<A: Recorded>(
        &self,
        stream: StreamId,
    ) -> Result<Holding<A>, StoreError> {
        let mut held = self.inner.cache.slot::<A>(&stream).lock_owned().await;
        self.pending(&mut held, &stream).await?;
        Ok(Holding { stream, held })
    }

    /// Everybody takes two streams in the same order, so that no two wait for each other.
    pub(super) async fn hold_both<A: Recorded, B: Recorded>(
        &self,
        own: StreamId,
        other: StreamId,
    ) -> Result<(Holding<A>, Holding<B>), StoreError> {
        if own == other {
            return Err(StoreError::Append(format!("a command would decide twice on {own}")));
        }
        if other < own {
            let other = self.hold(other).await?;
            Ok((self.hold(own).await?, other))
        } else {
            let own = self.hold(own).await?;
            Ok((own, self.hold(other).await?))
        }
    }

    /// Runs the rules on a copy of the state. A refusal is an answer; `R` is whatever the caller's
    /// errors are about.
    pub(super) async fn decide_on<A: Recorded, R>(
        &self,
        holding: &Holding<A>,
        command: A::Command,
        context: &Context,
    ) -> Result<Decided<A>, ExecuteError<R>> {
        let pending = holding.pending();
        let mut state = pending.state.clone();
        let sink = EventSink::default();
        let (events, refusal) = match state.handle(command, &(), &sink).await {
            Ok(()) => (sink.collect().await, None),
            Err(refusal) => {
                state = pending.state.clone();
                (Vec::new(), Some(refusal))
            }
        };
        let part = self.part::<A, R>(&holding.stream, pending, &events, context).await?;
        let sequence = pending.sequence + events.len() as i64;
        let next = Pending { state, sequence, basis: pending.basis.clone() };
        Ok(Decided { part, refusal, next })
    }

    /// Personal values are sealed here.
    async fn part<A: Recorded, R>(
        &self,
        stream: &StreamId,
        pending: &Pending<A>,
        events: &[A::Event],
        context: &Context,
    ) -> Result<Part, ExecuteError<R>> {
        let write = Write {
            stream: stream.clone(),
            expected: pending.sequence,
            events: Vec::with_capacity(events.len()),
        };
        let basis = pending.basis.clone();
        let (claims, subjects, erased) = (Vec::new(), Vec::new(), Vec::new());
        let mut part = Part { write, claims, subjects, erased, basis };
        let metadata = if events.is_empty() { String::new() } else { json(&context.metadata)? };
        check_storable(&metadata)?;
        for event in events {
            let claims = A::claims(event).into_iter().map(|claim| self.hash_personal(claim));
            part.claims.extend(claims);
            part.erased.extend(A::erases(event).map(|person| person.uuid()));
            let sealed = match self.personal().seal_text(json(event)?).await {
                Ok(sealed) => sealed,
                Err(PersonalError::Erased(_)) => return Err(ExecuteError::Erased),
                Err(error) => return Err(StoreError::from(error).into()),
            };
            check_storable(&sealed.json)?;
            part.subjects.extend(sealed.subjects);
            part.write.events.push(NewEvent {
                event_type: event.event_type(),
                event_version: event.event_version(),
                payload: sealed.json,
                metadata: metadata.clone(),
            });
        }
        Ok(part)
    }

    pub(super) fn hash_personal(&self, claim: Claim) -> Claim {
        match claim {
            Claim::Unique { kind, key, holder, personal: true } => Claim::Unique {
                kind,
                key: self.personal().lookup_hash(kind, &key),
                holder,
                personal: true,
            },
            other => other,
        }
    }
}

pub(super) fn json<T: serde::Serialize, R>(value: &T) -> Result<String, ExecuteError<R>> {
    serde_json::to_string(value).map_err(|error| StoreError::from(error).into())
}

/// Postgres's json takes an escaped U+0000 and then cannot read it.
pub(crate) fn check_storable<R>(payload: &str) -> Result<(), ExecuteError<R>> {
    if payload.len() > EVENT_BYTES_MAX {
        let detail = format!("an event has {} bytes, {EVENT_BYTES_MAX} at most", payload.len());
        return Err(ExecuteError::Invalid(detail));
    }
    let escaped_nul = payload.match_indices("\\u0000").any(|(at, _)| {
        let backslashes = payload[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
        backslashes % 2 == 0
    });
    match escaped_nul {
        true => Err(ExecuteError::Invalid("text must not contain U+0000".to_owned())),
        false => Ok(()),
    }
}
