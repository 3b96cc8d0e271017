//! Sessions that do what no program of ours does: append in a transaction of their own and commit
//! it late, roll it back, or vanish; hold snapshots and transaction ids for long.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The type of events that must never be seen, and of those that must.
pub const NEVER: &str = "NeverHappened";
pub const LATE: &str = "HappenedLate";
/// How long a session holds what it has. Short, since nobody else appends meanwhile.
const HELD: Duration = Duration::from_millis(5);
/// Leaves time to the others.
const PAUSE: Duration = Duration::from_millis(50);

/// `eventstore.append` as any session may call it: one command with `count` events for a stream of
/// its own. Returns the position of the last.
pub async fn append(
    session: &mut PgConnection,
    event_type: &str,
    count: i64,
) -> Result<i64, sqlx::Error> {
    let stream = uuid::Uuid::now_v7().to_string();
    let contents: Vec<Vec<u8>> = (1..=count)
        .map(|at| {
            eventstore::content_hash("session", &stream, at, event_type, "1.0.0", "{}", "{}")
                .to_vec()
        })
        .collect();
    sqlx::query_scalar(
        "select at_position + $3::int from eventstore.append(
             careful => false,
             c_caller => array['session'], c_key => array[$1], c_fingerprint => array[''::bytea],
             c_type => array['session'], c_id => array[$1], c_sequence => array[$3::bigint],
             c_events => array[$3::bigint], c_appended => array[true],
             c_refusal => array[null::text],
             h_command => '{}', h_fact => '{}', h_type => '{}', h_id => '{}', h_sequence => '{}',
             k_command => '{}', k_op => '{}', k_kind => '{}', k_key => '{}', k_holder => '{}',
             k_places => '{}', s_command => '{}', s_subject => '{}', x_subject => '{}',
             e_aggregate_type => array_fill('session'::text, array[$3::int]),
             e_aggregate_id => array_fill($1, array[$3::int]),
             e_sequence => (select array_agg(n) from generate_series(1, $3::bigint) n),
             e_type => array_fill($2, array[$3::int]),
             e_version => array_fill('1.0.0'::text, array[$3::int]),
             e_payload => array_fill('{}'::json, array[$3::int]),
             e_metadata => array_fill('{}'::json, array[$3::int]), e_content => $4)",
    )
    .bind(&stream)
    .bind(event_type)
    .bind(count)
    .bind(contents)
    .fetch_one(session)
    .await
}

/// What one session does, again and again.
#[derive(Debug, Clone, Copy)]
pub enum Habit {
    CommitsLate,
    RollsBack,
    RollsBackToSavepoint,
    IsTerminated,
    AppendsOnAnOldSnapshot,
    HoldsSnapshotAndId,
}

impl Habit {
    pub const ALL: [Self; 6] = [
        Self::CommitsLate,
        Self::RollsBack,
        Self::RollsBackToSavepoint,
        Self::IsTerminated,
        Self::AppendsOnAnOldSnapshot,
        Self::HoldsSnapshotAndId,
    ];
}

/// Lets every habit have its sessions until it is stopped.
pub fn disturb(url: &str, until: &CancellationToken) -> TaskTracker {
    let tracker = TaskTracker::new();
    for habit in Habit::ALL {
        let (url, until) = (url.to_owned(), until.clone());
        tracker.spawn(async move {
            // At least once, however fast the others are.
            loop {
                once(habit, &url).await.unwrap_or_else(|error| panic!("{habit:?}: {error}"));
                tokio::select! {
                    () = until.cancelled() => return,
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
        });
    }
    tracker.close();
    tracker
}

async fn once(habit: Habit, url: &str) -> Result<(), sqlx::Error> {
    let mut session = PgConnection::connect(url).await?;
    match habit {
        Habit::CommitsLate => {
            let mut transaction = session.begin().await?;
            append(&mut transaction, LATE, 2).await?;
            tokio::time::sleep(HELD).await;
            append(&mut transaction, LATE, 1).await?;
            transaction.commit().await?;
        }
        Habit::RollsBack => {
            let mut transaction = session.begin().await?;
            append(&mut transaction, NEVER, 3).await?;
            tokio::time::sleep(HELD).await;
            transaction.rollback().await?;
        }
        Habit::RollsBackToSavepoint => {
            let mut transaction = session.begin().await?;
            // Gives the lock back too, in the middle of the transaction.
            let mut savepoint = transaction.begin().await?;
            append(&mut savepoint, NEVER, 2).await?;
            savepoint.rollback().await?;
            tokio::time::sleep(HELD).await;
            append(&mut transaction, LATE, 1).await?;
            transaction.commit().await?;
        }
        Habit::IsTerminated => {
            let id: i32 =
                sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut session).await?;
            let mut transaction = session.begin().await?;
            append(&mut transaction, NEVER, 1).await?;
            let mut other = PgConnection::connect(url).await?;
            sqlx::query("select pg_terminate_backend($1, 5000)")
                .bind(id)
                .execute(&mut other)
                .await?;
            assert!(transaction.commit().await.is_err(), "a terminated session cannot commit");
            return other.close().await;
        }
        Habit::AppendsOnAnOldSnapshot => {
            let mut transaction = session.begin().await?;
            sqlx::query("set transaction isolation level repeatable read")
                .execute(&mut *transaction)
                .await?;
            sqlx::query("select count(*) from eventstore.events")
                .execute(&mut *transaction)
                .await?;
            tokio::time::sleep(HELD).await;
            let refused = append(&mut transaction, NEVER, 1).await.expect_err("it is too late");
            assert!(refused.to_string().contains("committed before it got the lock"), "{refused}");
            transaction.rollback().await?;
        }
        Habit::HoldsSnapshotAndId => {
            let mut transaction = session.begin().await?;
            sqlx::query("select pg_current_xact_id(), (select count(*) from eventstore.events)")
                .execute(&mut *transaction)
                .await?;
            tokio::time::sleep(HELD * 10).await;
            transaction.commit().await?;
        }
    }
    session.close().await
}
