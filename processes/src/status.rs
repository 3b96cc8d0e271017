//! How processes are doing, and what they are at.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};

/// A process that has had work for this long and finished nothing is stalled. A mail server that
/// does not answer costs each notification 15 s without anything being wrong here.
const STALLED_SECONDS: f64 = 30.0;
/// The program whose turn it is says so about once a second.
pub(crate) const ACTIVE_SECONDS: f64 = 5.0;

/// How far a process is, and what is wrong.
#[derive(Debug, Clone, Serialize, FromRow)]
pub struct ProcessStatus {
    pub name: String,
    /// Nothing is left to do at or before it, except what is parked.
    pub position: i64,
    /// The last position of the log.
    pub head: i64,
    pub lag_events: i64,
    /// How long the oldest event not yet dealt with has been in the log.
    pub lag_seconds: f64,
    /// Reactions under way.
    pub running: i32,
    /// Events that wait for a free hand.
    pub waiting: i32,
    /// Instances that wait for a repair.
    pub parked: i64,
    /// Some program runs it now.
    pub active: bool,
    /// Has work but finishes none.
    pub stalled: bool,
    pub moved_at: DateTime<Utc>,
}

/// Every process that some program has run.
pub async fn status(pool: &PgPool) -> Result<Vec<ProcessStatus>, sqlx::Error> {
    sqlx::query_as(
        "with head as (
             select coalesce((select last_position from eventstore.commits
                              order by last_position desc limit 1), 0) as position),
         measured as (
             select process.name, process.position, head.position as head,
                    greatest(head.position - process.position, 0) as lag_events,
                    greatest(coalesce(extract(epoch from clock_timestamp() - next.recorded_at), 0),
                             0)::float8 as lag_seconds,
                    running, waiting, updated_at as moved_at,
                    (select count(*) from processes.parked
                     where parked.name = process.name and parked.error is not null) as parked,
                    coalesce(seen_at > clock_timestamp() - $2 * interval '1 s', false) as active
             from processes.checkpoints process
             cross join head
             left join eventstore.events next on next.position = process.position + 1)
         select name, position, head, lag_events, lag_seconds, parked, active, moved_at,
                case when active then running else 0 end as running,
                case when active then waiting else 0 end as waiting,
                lag_events > 0 and lag_seconds > $1
                    and moved_at < clock_timestamp() - $1 * interval '1 s' as stalled
         from measured
         order by name",
    )
    .bind(STALLED_SECONDS)
    .bind(ACTIVE_SECONDS)
    .fetch_all(pool)
    .await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum InstanceState {
    /// Waits for a repair.
    Parked,
    /// Is being worked on, and has been for a second or more.
    Running,
}

/// An instance that is not through with an event.
#[derive(Debug, Clone, Serialize, FromRow)]
pub struct Instance {
    pub instance: String,
    pub state: InstanceState,
    /// Of the event that is reacted to.
    pub position: i64,
    pub aggregate_type: String,
    pub event_type: String,
    /// When it began, or was parked.
    pub since: DateTime<Utc>,
    /// Those that failed.
    pub attempts: i32,
    pub error: Option<String>,
    pub retry_at: Option<DateTime<Utc>>,
    /// Events of the instance that wait behind this one.
    pub behind: i64,
}

/// What a process is at, by position, after one of them.
pub async fn instances(
    pool: &PgPool,
    process: &str,
    state: Option<InstanceState>,
    after: Option<(i64, InstanceState)>,
    limit: i64,
) -> Result<Vec<Instance>, sqlx::Error> {
    let (after_position, after_state) = after.unzip();
    sqlx::query_as(
        "with open as (
             select instance, 'parked' as state, position, attempts, error, parked_at as since,
                    due_at as retry_at,
                    (select count(*) - 1 from processes.parked behind
                     where behind.name = first.name and behind.instance = first.instance) as behind
             from processes.parked first
             where name = $1 and error is not null
             union all
             select instance, 'running', running.position, attempts, error, began_at, retry_at, 0
             from processes.running
             join processes.checkpoints using (name)
             where name = $1 and seen_at > clock_timestamp() - $6 * interval '1 s')
         select open.*, aggregate_type, event_type
         from open join eventstore.events using (position)
         where ($2::text is null or state = $2)
           and ($3::bigint is null or (position, state) > ($3, $4::text))
         order by position, state
         limit $5",
    )
    .bind(process)
    .bind(state)
    .bind(after_position)
    .bind(after_state)
    .bind(limit)
    .bind(ACTIVE_SECONDS)
    .fetch_all(pool)
    .await
}
