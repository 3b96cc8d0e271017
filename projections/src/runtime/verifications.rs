//! Comparisons that somebody asked for from afar: requests are rows, and a program that runs
//! projections works them off, one at a time in the whole system.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use eventstore::{ANSWER_MAX, in_time};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{Connection, FromRow, PgPool};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::verify::{VerifyError, verify};
use super::{Shared, worker};
use crate::Projection;

/// Programs that may end, or find the read model replaced, while they compare, before one is given
/// up.
const ATTEMPTS_MAX: i32 = 5;
/// Of each projection, the newest.
const KEPT: i64 = 100;
/// Held by the session of the program that compares.
const TURN: &str = "hashtextextended('daybook verifications', 0)";

/// Where a comparison that was asked for is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum VerificationState {
    Waiting,
    Running,
    Done,
    /// Nothing could be compared.
    Failed,
}

/// A comparison that was asked for.
#[derive(Debug, Clone, Serialize, FromRow)]
pub struct Verification {
    /// The position of the request.
    pub id: i64,
    pub projection: String,
    pub state: VerificationState,
    pub requested_by: String,
    pub requested_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub attempts: i32,
    /// A `VerifyReport`, once it is done.
    pub report: Option<Value>,
    /// Why nothing could be compared, at least not yet.
    pub error: Option<String>,
}

const COLUMNS: &str = "position as id, name as projection, state, requested_by, requested_at,
                       started_at, finished_at, attempts, report, error";

/// Asks for a comparison, once for each request in the log.
pub async fn request_verification(
    pool: &PgPool,
    name: &str,
    position: i64,
    by: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with old as (
             delete from projections.verifications
             where name = $2 and state in ('done', 'failed') and position not in (
                 select position from projections.verifications where name = $2
                 order by position desc limit $4))
         insert into projections.verifications (position, name, requested_by)
         values ($1, $2, $3) on conflict do nothing",
    )
    .bind(position)
    .bind(name)
    .bind(by)
    .bind(KEPT)
    .execute(pool)
    .await?;
    Ok(())
}

/// What was asked of a projection, the newest first, before an id.
pub async fn verifications(
    pool: &PgPool,
    name: &str,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Verification>, sqlx::Error> {
    sqlx::query_as(&format!(
        "select {COLUMNS} from projections.verifications
         where name = $1 and ($2::bigint is null or position < $2)
         order by position desc limit $3"
    ))
    .bind(name)
    .bind(before)
    .bind(limit)
    .fetch_all(pool)
    .await
}

pub async fn verification(
    pool: &PgPool,
    name: &str,
    id: i64,
) -> Result<Option<Verification>, sqlx::Error> {
    sqlx::query_as(&format!(
        "select {COLUMNS} from projections.verifications where name = $1 and position = $2"
    ))
    .bind(name)
    .bind(id)
    .fetch_optional(pool)
    .await
}

/// Works requests off until `shutdown`. What is cut off is done by whoever comes next.
pub(super) async fn work(
    shared: &Shared,
    projections: &[Arc<dyn Projection>],
    shutdown: &CancellationToken,
) {
    let ours: HashMap<&str, &Arc<dyn Projection>> =
        projections.iter().map(|projection| (projection.name(), projection)).collect();
    let mut ticks = tokio::time::interval(shared.options.tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        let done = shutdown.run_until_cancelled(take_turn(shared, &ours)).await;
        if let Some(Err(error)) = done {
            tracing::debug!(error = %error, "no verification this time");
        }
    }
}

#[derive(Debug, FromRow)]
struct Asked {
    position: i64,
    name: String,
    attempts: i32,
}

async fn take_turn(
    shared: &Shared,
    ours: &HashMap<&str, &Arc<dyn Projection>>,
) -> Result<(), sqlx::Error> {
    let (names, versions): (Vec<&str>, Vec<i32>) =
        ours.values().map(|ours| (ours.name(), worker::version_of(&***ours))).unzip();
    // Only what this very program shows: another version may be live.
    let open = "select asked.position from projections.verifications asked
                join projections.builds live using (name)
                join unnest($1::text[], $2::int[]) as ours (name, version) using (name, version)
                where asked.state in ('waiting', 'running') and live.state = 'live'
                order by asked.position limit 1";
    let next: Option<i64> = in_time(
        ANSWER_MAX,
        sqlx::query_scalar(open).bind(&names).bind(&versions).fetch_optional(&shared.pool),
    )
    .await?;
    if next.is_none() {
        return Ok(());
    }
    // Detached, the session ends with us whatever happens, and the turn with it.
    let mut turn = shared.pool.acquire().await?.detach();
    let mine: bool = sqlx::query_scalar(&format!("select pg_try_advisory_lock({TURN})"))
        .fetch_one(&mut turn)
        .await?;
    if mine {
        let asked: Option<Asked> = sqlx::query_as(&format!(
            "update projections.verifications
             set state = 'running', attempts = attempts + 1, started_at = clock_timestamp()
             where position = ({open}) returning position, name, attempts"
        ))
        .bind(&names)
        .bind(&versions)
        .fetch_optional(&mut turn)
        .await?;
        if let Some((asked, projection)) =
            asked.and_then(|asked| ours.get(&*asked.name).map(|ours| (asked, ours)))
        {
            let came = compared(shared, &***projection, asked.attempts).await;
            record(&shared.pool, asked.position, came).await?;
        }
    }
    turn.close().await
}

/// The state that a request is in now, with the report or the reason.
type Outcome = (VerificationState, Option<Value>, Option<String>);

async fn compared(shared: &Shared, projection: &dyn Projection, attempts: i32) -> Outcome {
    let name = projection.name();
    if attempts > ATTEMPTS_MAX {
        let error = format!("{ATTEMPTS_MAX} programs ended while they compared {name}");
        return (VerificationState::Failed, None, Some(error));
    }
    match verify(&shared.pool, &shared.reader, projection, &|_| ()).await {
        Ok(report) => {
            tracing::info!(
                projection.name = name,
                projection.position = report.position,
                "{name} was compared with a fresh build: {}",
                if report.equal { "equal" } else { "DIFFERENT" },
            );
            let report = serde_json::to_value(report).expect("a report is plain data");
            (VerificationState::Done, Some(report), None)
        }
        Err(error) => {
            let passes = matches!(error, VerifyError::Changed(_) | VerifyError::Database(_));
            let again = passes && attempts < ATTEMPTS_MAX;
            let error = error.to_string().replace('\0', "\u{fffd}");
            tracing::warn!(projection.name = name, error, "{name} could not be compared: {error}");
            let state = if again { VerificationState::Waiting } else { VerificationState::Failed };
            (state, None, Some(error))
        }
    }
}

async fn record(
    pool: &PgPool,
    position: i64,
    (state, report, error): Outcome,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update projections.verifications
         set state = $2, report = $3, error = $4,
             finished_at = case when $2 in ('done', 'failed') then clock_timestamp() end
         where position = $1",
    )
    .bind(position)
    .bind(state)
    .bind(report)
    .bind(error)
    .execute(pool)
    .await?;
    Ok(())
}
