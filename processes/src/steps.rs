//! What an instance of a process has done so far, step by step, out of the log.
//!
//! The commands of a process have ids that begin with the position of the event they follow from.
//! So nothing need be known here of any process but its name.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::{FromRow, PgPool};

use crate::status::ACTIVE_SECONDS;

/// The newest events of a stream that are looked at: what somebody asks about is not old.
const EVENTS_MAX: i64 = 10_000;
/// Reactions of one answer, the newest.
const REACTIONS_MAX: i64 = 100;
/// Steps of one answer; beyond it the list is cut off, and says so.
const STEPS_MAX: i64 = 1_000;

/// The reactions of one instance.
#[derive(Debug, Clone, Serialize)]
pub struct Steps {
    pub process: String,
    pub instance: String,
    /// By position of the event they follow from.
    pub reactions: Vec<Reaction>,
    /// There is more than fits.
    pub truncated: bool,
}

/// What followed from one event.
#[derive(Debug, Clone, Serialize, FromRow)]
pub struct Reaction {
    pub position: i64,
    pub aggregate_type: String,
    pub event_type: String,
    pub recorded_at: DateTime<Utc>,
    /// `done`, `running`, `parked`, or `waiting`: behind one that is parked, or for a program.
    pub state: String,
    /// Those that failed, if it is not done.
    pub attempts: Option<i32>,
    pub error: Option<String>,
    pub retry_at: Option<DateTime<Utc>>,
    #[sqlx(skip)]
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// An event says so.
    Recorded,
    /// There was nothing to do.
    Unchanged,
    /// A rule said no, which is an answer as well.
    Refused,
}

/// One command.
#[derive(Debug, Clone, Serialize, FromRow)]
pub struct Step {
    #[serde(skip)]
    cause: i64,
    pub step: String,
    pub at: DateTime<Utc>,
    /// Since the event that it follows from.
    pub after_seconds: f64,
    /// Whom it was for.
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub outcome: Outcome,
    pub refusal: Option<Value>,
    /// The last event that came of it.
    pub position: Option<i64>,
    pub event_type: Option<String>,
    /// As far as that event tells.
    pub attempt: Option<String>,
    pub error: Option<String>,
    pub retry_at: Option<String>,
}

/// Everything known of an instance; no reactions if the process never had to do with it.
pub async fn steps(pool: &PgPool, process: &str, instance: &str) -> Result<Steps, sqlx::Error> {
    let mut reactions = reactions(pool, process, instance).await?;
    let mut truncated = reactions.len() as i64 > REACTIONS_MAX;
    reactions.truncate(REACTIONS_MAX as usize);
    reactions.reverse();
    let positions: Vec<i64> = reactions.iter().map(|reaction| reaction.position).collect();
    let mut steps = commands(pool, process, &positions).await?;
    truncated |= steps.len() as i64 > STEPS_MAX;
    steps.truncate(STEPS_MAX as usize);
    let mut by_cause: HashMap<i64, &mut Reaction> =
        reactions.iter_mut().map(|reaction| (reaction.position, reaction)).collect();
    for step in steps {
        if let Some(reaction) = by_cause.get_mut(&step.cause) {
            reaction.steps.push(step);
        }
    }
    let (process, instance) = (process.to_owned(), instance.to_owned());
    Ok(Steps { process, instance, reactions, truncated })
}

/// The newest first.
async fn reactions(
    pool: &PgPool,
    process: &str,
    instance: &str,
) -> Result<Vec<Reaction>, sqlx::Error> {
    sqlx::query_as(
        "with happened as (
             select position, aggregate_type, event_type, recorded_at from eventstore.events
             where aggregate_id = $2 order by position desc limit $3)
         select position, aggregate_type, event_type, recorded_at,
                case when seen_at > clock_timestamp() - $5 * interval '1 s' then 'running'
                     when parked.error is not null then 'parked'
                     when parked.name is not null or running.name is not null then 'waiting'
                     else 'done' end as state,
                coalesce(running.attempts, parked.attempts) as attempts,
                coalesce(running.error, parked.error) as error,
                coalesce(running.retry_at, parked.due_at) as retry_at
         from happened
         left join (select * from processes.parked where name = $1) parked using (position)
         left join (select began.*, seen_at from processes.running began
                    join processes.checkpoints using (name)
                    where name = $1) running using (position)
         where parked.name is not null or running.name is not null
            or exists (select from eventstore.commands
                       where caller = 'process:' || $1
                         and key > happened.position || ':'
                         and key < happened.position || ';')
         order by position desc
         limit $4",
    )
    .bind(process)
    .bind(instance)
    .bind(EVENTS_MAX)
    .bind(REACTIONS_MAX + 1)
    .bind(ACTIVE_SECONDS)
    .fetch_all(pool)
    .await
}

/// The commands that followed from some events, as they were decided.
async fn commands(
    pool: &PgPool,
    process: &str,
    positions: &[i64],
) -> Result<Vec<Step>, sqlx::Error> {
    sqlx::query_as(
        "select cause, substr(command.key, length(cause::text) + 2) as step,
                command.recorded_at as at,
                extract(epoch from command.recorded_at - first.recorded_at)::float8
                    as after_seconds,
                command.aggregate_type, command.aggregate_id,
                case when command.refusal is not null then 'refused'
                     when command.appended then 'recorded' else 'unchanged' end as outcome,
                command.refusal::jsonb as refusal, event.position, event.event_type,
                event.payload->>'attempt' as attempt, event.payload->>'error' as error,
                event.payload->>'retry_at' as retry_at
         from unnest($2::bigint[]) as asked (cause)
         join eventstore.events first on first.position = cause
         join eventstore.commands command
              on command.caller = 'process:' || $1
             and command.key > cause || ':' and command.key < cause || ';'
         left join eventstore.events event
              on command.appended and event.position = command.position
         order by command.recorded_at, command.position, command.key
         limit $3",
    )
    .bind(process)
    .bind(positions)
    .bind(STEPS_MAX + 1)
    .fetch_all(pool)
    .await
}
