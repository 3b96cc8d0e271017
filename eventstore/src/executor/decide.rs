//! The loop around a decision.

use std::future::Future;
use std::time::Duration;

use cqrs_es::DomainEvent;
use cqrs_es::event_sink::EventSink;
use domain::{Claim, Recorded};
use sqlx::Row;
use uuid::Uuid;

use super::cache::Pending;
use super::{Decision, ExecuteError, Facts, Log, StoreError};
use crate::append::appender::StandsOn;
use crate::append::{
    Append, AppendError, EVENT_BYTES_MAX, Guard, NewEvent, Stored, Verdict, Write,
};
use crate::context::{Context, Receipt};
use crate::event::StreamId;
use crate::personal::PersonalError;

/// How often a command is decided again because others changed what it stands on.
const ATTEMPTS_MAX: u32 = 100;
/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_millis(20);

/// One attempt's end.
enum Attempt<R> {
    Settled(Result<Receipt, ExecuteError<R>>),
    /// Somebody was faster.
    Again,
}

impl Log {
    /// Decides a command that needs facts of other streams. `prepare` looks them up and makes the
    /// command; it runs again when a fact or the stream has changed meanwhile.
    pub async fn decide<A, F, Fut, E>(&self, context: &Context, prepare: F) -> Result<Receipt, E>
    where
        A: Recorded,
        F: Fn(Facts) -> Fut + Send + Sync,
        Fut: Future<Output = Result<Decision<A>, E>> + Send,
        E: From<ExecuteError<A::Error>> + Send,
    {
        let _in_progress = match context.client_key {
            true => Some(
                self.inner
                    .in_progress
                    .enter(context)
                    .ok_or(E::from(ExecuteError::KeyInProgress))?,
            ),
            false => None,
        };
        for attempt in 0..ATTEMPTS_MAX {
            let facts = Facts::new(self);
            let decision = match prepare(facts.clone()).await {
                Ok(decision) => decision,
                Err(error) => {
                    // The facts may have gone since the command was accepted: its answer stands.
                    if let Some(answer) = self.answered::<A>(context).await? {
                        return answer.map_err(E::from);
                    }
                    // A refusal, too, may stand on nothing but what the log says.
                    let (guards, _) = facts.guards();
                    if self.forget_stale_facts(&guards).await? == 0 && facts.are_settled() {
                        return Err(error);
                    }
                    tokio::time::sleep(pause(attempt)).await;
                    continue;
                }
            };
            match self.attempt::<A>(decision, &facts, context).await {
                Attempt::Settled(outcome) => return outcome.map_err(E::from),
                Attempt::Again => tokio::time::sleep(pause(attempt)).await,
            }
        }
        Err(E::from(ExecuteError::Contended { attempts: ATTEMPTS_MAX }))
    }

    async fn attempt<A: Recorded>(
        &self,
        Decision { id, command }: Decision<A>,
        facts: &Facts,
        context: &Context,
    ) -> Attempt<A::Error> {
        let stream = StreamId::new(A::TYPE, id);
        let slot = self.inner.cache.slot::<A>(&stream);
        let mut held = slot.lock().await;
        let pending = match self.pending(&mut held, &stream).await {
            Ok(pending) => pending,
            Err(error) => return Attempt::Settled(Err(error.into())),
        };
        let (guards, facts) = facts.guards();
        let basis = pending.basis.clone();
        if let Some(expected) = context.expected
            && expected != pending.sequence
        {
            held.pending = None;
            drop(held);
            return self.version_mismatch::<A>(&stream, expected, context).await;
        }
        let (append, next) =
            match self.prepare_append(&stream, pending, command, guards, context).await {
                Ok(prepared) => prepared,
                Err(error) => return Attempt::Settled(Err(error)),
            };
        let erased = append.erased.clone();
        let stands_on = StandsOn { own: Some(basis.clone()), facts };
        let verdict = match self.inner.queue.push(append, stands_on) {
            Ok(verdict) => verdict,
            Err(error) => return Attempt::Settled(Err(error.into())),
        };
        *pending = next;
        drop(held);

        let verdict = verdict.await.unwrap_or(Err(AppendError::Closed));
        if let Ok(Verdict::Appended(stored)) = verdict {
            for subject in erased {
                self.personal().forget(subject);
            }
            return Attempt::Settled(answer::<A>(stored, false));
        }
        // What was decided here is not in the log, or what it was decided on is not what the log has.
        basis.fall();
        match verdict {
            Ok(verdict) => self.turned_down::<A>(verdict, context).await,
            Err(error) => Attempt::Settled(Err(error.into())),
        }
    }

    async fn turned_down<A: Recorded>(
        &self,
        verdict: Verdict,
        context: &Context,
    ) -> Attempt<A::Error> {
        Attempt::Settled(match verdict {
            Verdict::Appended(stored) | Verdict::Recovered(stored) => answer::<A>(stored, false),
            Verdict::Duplicate(stored) => answer::<A>(stored, context.client_key),
            Verdict::Mismatch => Err(ExecuteError::KeyReused),
            Verdict::Taken { kind } => Err(ExecuteError::Taken { kind }),
            Verdict::Full { kind } => Err(ExecuteError::Full { kind }),
            Verdict::Erased => Err(ExecuteError::Erased),
            Verdict::Invalid(detail) => {
                // The database's own words are for us, not for the client.
                tracing::warn!("a command cannot be stored: {detail}");
                Err(ExecuteError::Invalid("a value of this command cannot be stored".to_owned()))
            }
            Verdict::Conflict { .. } => return Attempt::Again,
            Verdict::GuardFailed { stream } => {
                self.forget_fact(&stream);
                return Attempt::Again;
            }
        })
    }

    /// If-Match did not match what is cached. Only the log itself can say so to the caller, and a
    /// command that was accepted under this key has its answer already.
    async fn version_mismatch<A: Recorded>(
        &self,
        stream: &StreamId,
        expected: i64,
        context: &Context,
    ) -> Attempt<A::Error> {
        match self.answered::<A>(context).await {
            Ok(Some(answer)) => return Attempt::Settled(answer),
            Ok(None) => {}
            Err(error) => return Attempt::Settled(Err(error)),
        }
        let current: Result<i64, sqlx::Error> = sqlx::query_scalar(
            "select coalesce(max(sequence), 0) from eventstore.events
             where aggregate_type = $1 and aggregate_id = $2",
        )
        .bind(&stream.aggregate_type)
        .bind(&stream.aggregate_id)
        .fetch_one(self.pool())
        .await;
        match current {
            Ok(current) if current == expected => Attempt::Again,
            Ok(current) => Attempt::Settled(Err(ExecuteError::Version { current })),
            Err(error) => Attempt::Settled(Err(StoreError::from(error).into())),
        }
    }

    /// Runs the rules on a copy of the state; returns what to append and the state after it.
    async fn prepare_append<A: Recorded>(
        &self,
        stream: &StreamId,
        pending: &Pending<A>,
        command: A::Command,
        guards: Vec<Guard>,
        context: &Context,
    ) -> Result<(Append, Pending<A>), ExecuteError<A::Error>> {
        let mut state = pending.state.clone();
        let sink = EventSink::default();
        let (events, refusal) = match state.handle(command, &(), &sink).await {
            Ok(()) => (sink.collect().await, None),
            Err(refusal) => {
                state = pending.state.clone();
                (Vec::new(), Some(json(&refusal)?))
            }
        };
        let mut claims = Vec::new();
        let mut erased: Vec<Uuid> = Vec::new();
        let mut subjects: Vec<Uuid> = Vec::new();
        let mut new_events = Vec::with_capacity(events.len());
        let metadata = if events.is_empty() { String::new() } else { json(&context.metadata)? };
        check_storable(&metadata)?;
        for event in &events {
            claims.extend(A::claims(event).into_iter().map(|claim| self.hash_personal(claim)));
            erased.extend(A::erases(event).map(|person| person.uuid()));
            let sealed = match self.personal().seal_text(json(event)?).await {
                Ok(sealed) => sealed,
                Err(PersonalError::Erased(_)) => return Err(ExecuteError::Erased),
                Err(error) => return Err(StoreError::from(error).into()),
            };
            check_storable(&sealed.json)?;
            subjects.extend(sealed.subjects);
            new_events.push(NewEvent {
                event_type: event.event_type(),
                event_version: event.event_version(),
                payload: sealed.json,
                metadata: metadata.clone(),
            });
        }
        let next = Pending {
            state,
            sequence: pending.sequence + new_events.len() as i64,
            basis: pending.basis.clone(),
        };
        let append = Append {
            caller: context.caller.clone(),
            key: context.key.clone(),
            fingerprint: self.fingerprint(context),
            refusal,
            writes: vec![Write {
                stream: stream.clone(),
                expected: pending.sequence,
                events: new_events,
            }],
            guards,
            claims,
            subjects,
            erased,
        };
        Ok((append, next))
    }

    /// The stored answer to a command that was decided before under the same key.
    async fn answered<A: Recorded>(
        &self,
        context: &Context,
    ) -> Result<Option<Result<Receipt, ExecuteError<A::Error>>>, ExecuteError<A::Error>> {
        if !context.client_key {
            return Ok(None);
        }
        let row = sqlx::query(
            "select fingerprint, aggregate_type, aggregate_id, sequence, position, appended, refusal
             from eventstore.commands where caller = $1 and key = $2",
        )
        .bind(&context.caller)
        .bind(&context.key)
        .fetch_optional(self.pool())
        .await
        .map_err(StoreError::from)?;
        let Some(row) = row else { return Ok(None) };
        if row.get::<Vec<u8>, _>("fingerprint") != self.fingerprint(context) {
            return Ok(Some(Err(ExecuteError::KeyReused)));
        }
        let stored = Stored {
            stream: StreamId::new(
                row.get::<String, _>("aggregate_type"),
                row.get::<String, _>("aggregate_id"),
            ),
            sequence: row.get("sequence"),
            position: row.get("position"),
            appended: row.get("appended"),
            refusal: row.get("refusal"),
        };
        Ok(Some(answer::<A>(stored, true)))
    }

    /// A keyed hash: the payload may hold a password or an address, and a bare hash of it could be
    /// guessed.
    fn fingerprint(&self, context: &Context) -> Vec<u8> {
        match context.fingerprint.as_slice() {
            [] => Vec::new(),
            payload => self.personal().keyed_hash("command", payload).to_vec(),
        }
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

    /// Forgets the facts that the log knows otherwise; returns how many there were.
    async fn forget_stale_facts<R>(&self, guards: &[Guard]) -> Result<usize, ExecuteError<R>> {
        if guards.is_empty() {
            return Ok(0);
        }
        let (types, ids): (Vec<&str>, Vec<&str>) = guards
            .iter()
            .map(|guard| (guard.stream.aggregate_type.as_str(), guard.stream.aggregate_id.as_str()))
            .unzip();
        let sequences: Vec<i64> = guards.iter().map(|guard| guard.sequence).collect();
        let stale: Vec<StreamId> = sqlx::query_as(
            "select g.aggregate_type, g.aggregate_id
             from unnest($1::text[], $2::text[], $3::bigint[])
                  as g (aggregate_type, aggregate_id, sequence)
             where g.sequence <> coalesce(
                   (select e.sequence from eventstore.events e
                     where e.aggregate_type = g.aggregate_type and e.aggregate_id = g.aggregate_id
                     order by e.sequence desc limit 1), 0)",
        )
        .bind(types)
        .bind(ids)
        .bind(sequences)
        .fetch_all(self.pool())
        .await
        .map_err(StoreError::from)?;
        for stream in &stale {
            self.inner.cache.forget(stream);
        }
        Ok(stale.len())
    }

    fn forget_fact(&self, stream: &str) {
        if let Some((aggregate_type, aggregate_id)) = stream.split_once('/') {
            self.inner.cache.forget(&StreamId::new(aggregate_type, aggregate_id));
        }
    }
}

fn answer<A: Recorded>(stored: Stored, replayed: bool) -> Result<Receipt, ExecuteError<A::Error>> {
    match stored.refusal {
        Some(refusal) => {
            let refusal = serde_json::from_str(&refusal).map_err(StoreError::from)?;
            Err(ExecuteError::Refused { refusal, replayed })
        }
        None => Ok(Receipt {
            stream: stored.stream,
            sequence: stored.sequence,
            position: stored.position,
            unchanged: !stored.appended,
            replayed,
        }),
    }
}

fn json<T: serde::Serialize, R>(value: &T) -> Result<String, ExecuteError<R>> {
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

/// The first attempts follow at once; contention that lasts is spread out.
fn pause(attempt: u32) -> Duration {
    let ceiling = Duration::from_micros(500 * u64::from(attempt)).min(PAUSE_MAX);
    ceiling.mul_f64(rand::random::<f64>())
}
