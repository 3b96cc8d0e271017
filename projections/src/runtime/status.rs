//! How projections are doing.

use chrono::{DateTime, Utc};
use eventstore::{ANSWER_MAX, in_time};
use serde::Serialize;
use sqlx::{FromRow, PgPool};

use super::build::{BuildKey, BuildState};

/// A projection that has had work for this long and did not move is stalled.
const STALLED_SECONDS: f64 = 10.0;

/// One build of a projection: what it shows, how far it is, what is wrong.
#[derive(Debug, Clone, Serialize, FromRow)]
pub struct ProjectionStatus {
    pub name: String,
    pub version: i32,
    pub build: i32,
    pub state: BuildState,
    /// The last position scanned.
    pub position: i64,
    /// The last position of the log.
    pub head: i64,
    pub lag_events: i64,
    /// How long the oldest event not yet scanned has been in the log.
    pub lag_seconds: f64,
    /// Positions per second while behind; 0 while it keeps up.
    pub rate: f64,
    /// Time left until the head at this rate; none if nothing is known.
    pub seconds_left: Option<f64>,
    /// Events set aside, the ones waiting behind them included.
    pub parked: i64,
    /// Some events are missing from the view because they are parked.
    pub degraded: bool,
    /// Has work but makes no progress.
    pub stalled: bool,
    /// Stopped by an operator.
    pub paused: bool,
    /// Shown, but fed by no program that runs now, or by nothing since the log changed.
    pub stale: bool,
    /// Failed attempts since it last moved, and the last failure.
    pub retries: i32,
    pub error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub moved_at: DateTime<Utc>,
    pub live_at: Option<DateTime<Utc>>,
}

/// Every live build and every one under way.
pub async fn status(pool: &PgPool) -> Result<Vec<ProjectionStatus>, sqlx::Error> {
    sqlx::query_as(
        "with head as (
             select coalesce((select last_position from eventstore.commits
                              order by last_position desc limit 1), 0) as position),
         measured as (
             select build.*, head.position as head,
                    greatest(head.position - build.position, 0) as lag_events,
                    greatest(coalesce(extract(epoch from clock_timestamp() - next.recorded_at), 0),
                             0)::float8 as lag_seconds,
                    paused.name is not null as paused,
                    coalesce(lease.until > clock_timestamp(), false) as fed,
                    (select count(*) from projections.parked
                     where parked.name = build.name and parked.version = build.version
                       and parked.build = build.build) as parked
             from projections.builds build
             cross join head
             left join eventstore.events next on next.position = build.position + 1
             left join projections.paused on paused.name = build.name
             left join projections.leases lease
                    on lease.name = build.name and lease.version = build.version
             where build.purpose = 'serve' and build.state <> 'retired')
         select name, version, build, state, position, head, lag_events, lag_seconds, rate,
                case when rate > 0 then lag_events / rate end as seconds_left,
                parked, parked > 0 as degraded,
                lag_events > 0 and lag_seconds > $1 and not paused
                    and moved_at < clock_timestamp() - $1 * interval '1 s' as stalled,
                paused, state = 'live' and (diverged or not fed) as stale,
                retries, error, created_at, moved_at, live_at
         from measured
         order by name, version, build",
    )
    .bind(STALLED_SECONDS)
    .fetch_all(pool)
    .await
}

/// Shows why a build does not move. Best effort: the database may be what failed.
pub(super) async fn report_failure(
    pool: &PgPool,
    key: &BuildKey,
    token: i64,
    error: &(dyn std::error::Error + Sync),
) {
    let text = error.to_string().replace('\0', "\u{fffd}");
    let reporting = sqlx::query(
        "update projections.builds set error = $5, retries = retries + 1
         where name = $1 and version = $2 and build = $3 and token = $4",
    )
    .bind(&key.name)
    .bind(key.version)
    .bind(key.build)
    .bind(token)
    .bind(text)
    .execute(pool);
    if let Err(error) = in_time(ANSWER_MAX, reporting).await {
        tracing::debug!(projection.name = key.name, error = %error, "the failure is not shown");
    }
}
