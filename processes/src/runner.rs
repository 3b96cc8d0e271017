//! Keeps a process running: its turn, its events, its instances, its checkpoint.

use std::sync::Arc;
use std::time::Duration;

use eventstore::{Feed, Log, SubscribeError};
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::checkpoint;
use crate::failure::{Failure, in_time};
use crate::instances::Instances;
use crate::process::Process;

/// Events waiting for their turn before more are taken from the subscription.
const WAITING_MAX: usize = 1_000;
/// The checkpoint is at most this old; repeating what came after it is harmless.
const SAVE_EVERY: Duration = Duration::from_millis(200);
/// How often a program that waits for its turn asks, and one that has it makes sure.
const TURN_EVERY: Duration = Duration::from_secs(1);

/// Until shutdown, through any failure.
pub(crate) async fn run(
    process: Arc<dyn Process>,
    log: Log,
    feed: Feed,
    shutdown: CancellationToken,
) {
    let name = process.name();
    while !shutdown.is_cancelled() {
        let turn = async {
            let mut turn = take_turn(name, &log).await?;
            drive(&process, &log, &feed, &shutdown, &mut turn).await
        };
        let result = tokio::select! {
            () = shutdown.cancelled() => return,
            result = turn => result,
        };
        match result {
            Ok(()) => return,
            Err(failure) => {
                tracing::warn!(process = name, "process {name} starts again: {failure}");
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = sleep(TURN_EVERY) => {}
                }
            }
        }
    }
}

/// Waits until no other program runs this process. The turn lasts as long as the connection.
///
/// Two at once would do no harm, command ids see to that; they would only do everything twice.
pub(crate) async fn take_turn(name: &str, log: &Log) -> Result<PgConnection, Failure> {
    let options = log.pool().connect_options();
    let mut connection = in_time(PgConnection::connect_with(&options)).await?;
    loop {
        let try_lock = sqlx::query_scalar(
            "select pg_try_advisory_lock(hashtextextended('daybook process ' || $1, 0))",
        )
        .bind(name)
        .fetch_one(&mut connection);
        let mine: bool = in_time(try_lock).await?;
        if mine {
            return Ok(connection);
        }
        sleep(TURN_EVERY).await;
    }
}

async fn drive(
    process: &Arc<dyn Process>,
    log: &Log,
    feed: &Feed,
    shutdown: &CancellationToken,
    turn: &mut PgConnection,
) -> Result<(), Failure> {
    let name = process.name();
    let mut saved = in_time(checkpoint::load(log.reader(), name)).await?;
    let mut instances = Instances::load(Arc::clone(process), log, saved).await?;
    let mut events = feed.follow(saved);
    let mut tick = interval(SAVE_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut turn_checked = None;
    tracing::info!(process = name, "process {name} goes on after position {saved}");
    loop {
        instances.begin();
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            Some(done) = instances.next() => {
                instances.settle(done.map_err(Failure::passing)?).await?;
            }
            batch = events.next(), if instances.waiting() < WAITING_MAX => match batch {
                Ok(batch) => instances.take(&batch).await?,
                Err(SubscribeError::Stopped) => return Ok(()),
                Err(error @ SubscribeError::Diverged { .. }) => {
                    return Err(Failure::passing(error));
                }
            },
            _ = tick.tick() => {
                let finished = instances.finished();
                if finished > saved {
                    in_time(checkpoint::save(log.pool(), name, finished)).await?;
                    saved = finished;
                }
                if turn_checked.is_none_or(|checked: Instant| checked.elapsed() > TURN_EVERY) {
                    in_time(turn.ping()).await?;
                    instances.retry_parked().await?;
                    instances.report().await?;
                    turn_checked = Some(Instant::now());
                }
            }
        }
    }
}
