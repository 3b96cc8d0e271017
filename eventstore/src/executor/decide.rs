//! The loop around a decision.

use std::future::Future;
use std::time::Duration;

use domain::Recorded;
use sqlx::Row;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::holding::{Part, json};
use super::{Decision, ExecuteError, Facts, Log, StoreError};
use crate::append::appender::StandsOn;
use crate::append::basis::Basis;
use crate::append::line::Answer;
use crate::append::{Append, AppendError, Guard, Stored, Verdict};
use crate::context::{Context, Receipt};
use crate::event::StreamId;

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

impl<R> From<ExecuteError<R>> for Attempt<R> {
    fn from(error: ExecuteError<R>) -> Self {
        Self::Settled(Err(error))
    }
}

/// A command that waits for its verdict.
struct InLine {
    verdict: oneshot::Receiver<Answer>,
    decided_on: Vec<Basis>,
    erased: Vec<Uuid>,
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
        self.decide_both(context, prepare).await
    }

    /// As [`decide`](Self::decide), of commands on two streams. The answer is about the first one.
    pub async fn decide_both<A, B, F, Fut, E>(
        &self,
        context: &Context,
        prepare: F,
    ) -> Result<Receipt, E>
    where
        A: Recorded<Error: From<B::Error>>,
        B: Recorded,
        F: Fn(Facts) -> Fut + Send + Sync,
        Fut: Future<Output = Result<Decision<A, B>, E>> + Send,
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
            match self.attempt(decision, &facts, context).await {
                Attempt::Settled(outcome) => return outcome.map_err(E::from),
                Attempt::Again => tokio::time::sleep(pause(attempt)).await,
            }
        }
        Err(E::from(ExecuteError::Contended { attempts: ATTEMPTS_MAX }))
    }

    async fn attempt<A, B>(
        &self,
        decision: Decision<A, B>,
        facts: &Facts,
        context: &Context,
    ) -> Attempt<A::Error>
    where
        A: Recorded<Error: From<B::Error>>,
        B: Recorded,
    {
        let in_line = match self.put_in_line(decision, facts, context).await {
            Ok(in_line) => in_line,
            Err(end) => return end,
        };
        let verdict = in_line.verdict.await.unwrap_or(Err(AppendError::Closed));
        if let Ok(Verdict::Appended(stored)) = verdict {
            for subject in in_line.erased {
                self.personal().forget(subject);
            }
            return Attempt::Settled(answer::<A>(stored, false));
        }
        // What was decided here is not in the log, or what it was decided on is not what the log has.
        in_line.decided_on.iter().for_each(Basis::fall);
        match verdict {
            Ok(verdict) => self.turned_down::<A>(verdict, context).await,
            Err(error) => ExecuteError::from(error).into(),
        }
    }

    /// Runs the rules and sends off what comes of it, holding the streams all the while.
    async fn put_in_line<A, B>(
        &self,
        Decision { id, command, also }: Decision<A, B>,
        facts: &Facts,
        context: &Context,
    ) -> Result<InLine, Attempt<A::Error>>
    where
        A: Recorded<Error: From<B::Error>>,
        B: Recorded,
    {
        let stream = StreamId::new(A::TYPE, id);
        let (mut own, also) = match also {
            None => (self.hold::<A>(stream).await.map_err(ExecuteError::from)?, None),
            Some((id, command)) => {
                let both = self.hold_both::<A, B>(stream, StreamId::new(B::TYPE, id));
                let (own, other) = both.await.map_err(ExecuteError::from)?;
                (own, Some((other, command)))
            }
        };
        if let Some(expected) = context.expected
            && expected != own.pending().sequence
        {
            own.forget();
            let stream = own.stream.clone();
            drop((own, also));
            return Err(self.version_mismatch::<A>(&stream, expected, context).await);
        }
        let decided = self.decide_on(&own, command, context).await?;
        let (next, mut refusal, mut parts) = (decided.next, decided.refusal, vec![decided.part]);
        let mut next_of_other = None;
        if let Some((other, command)) = also {
            let decided = self.decide_on(&other, command, context).await?;
            refusal = refusal.or(decided.refusal.map(A::Error::from));
            parts.push(decided.part);
            next_of_other = Some((other, decided.next));
        }
        if refusal.is_some() {
            parts.iter_mut().for_each(Part::withdraw);
        }
        let (guards, facts) = facts.guards();
        let guards = beside(&parts, guards).ok_or(Attempt::Again)?;
        let decided_on: Vec<Basis> = parts.iter().map(|part| part.basis.clone()).collect();
        let answer = refusal.as_ref().map(json).transpose()?;
        let append = self.append_of(parts, answer, guards, context);
        let erased = append.erased.clone();
        let stands_on = StandsOn { own: decided_on.clone(), facts };
        let verdict = self.inner.queue.push(append, stands_on).map_err(ExecuteError::from)?;
        if refusal.is_none() {
            own.go_on_from(next);
            if let Some((mut other, next)) = next_of_other {
                other.go_on_from(next);
            }
        }
        Ok(InLine { verdict, decided_on, erased })
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

    fn append_of(
        &self,
        parts: Vec<Part>,
        refusal: Option<String>,
        guards: Vec<Guard>,
        context: &Context,
    ) -> Append {
        let mut append = Append {
            caller: context.caller.clone(),
            key: context.key.clone(),
            fingerprint: self.fingerprint(context),
            refusal,
            writes: Vec::with_capacity(parts.len()),
            guards,
            claims: Vec::new(),
            subjects: Vec::new(),
            erased: Vec::new(),
        };
        for part in parts {
            append.writes.push(part.write);
            append.claims.extend(part.claims);
            append.subjects.extend(part.subjects);
            append.erased.extend(part.erased);
        }
        append
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

/// The facts of streams that are not written: of those that are, the append compares the sequence
/// anyway. `None` if one of these has moved on since it was looked at.
fn beside(parts: &[Part], mut guards: Vec<Guard>) -> Option<Vec<Guard>> {
    let written = |guard: &Guard| parts.iter().find(|part| part.write.stream == guard.stream);
    let moved = |guard| written(guard).is_some_and(|part| part.write.expected != guard.sequence);
    if guards.iter().any(moved) {
        return None;
    }
    guards.retain(|guard| written(guard).is_none());
    Some(guards)
}

/// The first attempts follow at once; contention that lasts is spread out.
fn pause(attempt: u32) -> Duration {
    let ceiling = Duration::from_micros(500 * u64::from(attempt)).min(PAUSE_MAX);
    ceiling.mul_f64(rand::random::<f64>())
}
