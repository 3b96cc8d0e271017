//! Keeps a process running: its turn, its events, its instances, its checkpoint.

use std::time::Duration;

use domain::OrderId;
use eventstore::{Bus, Log, SubscribeError, Subscription};
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::cause::Cause;
use crate::checkpoint::{self, Progress};
use crate::failure::{Failure, in_time};
use crate::fulfilment::{self, NAME};
use crate::lanes::Lanes;

/// Orders worked on at a time.
const INSTANCES_MAX: usize = 64;
/// Events waiting for their turn before more are taken from the subscription.
const WAITING_MAX: usize = 1_000;
/// The checkpoint is at most this old; repeating what came after it is harmless.
const SAVE_EVERY: Duration = Duration::from_millis(200);
/// How often a program that waits for its turn asks, and one that has it makes sure.
const TURN_EVERY: Duration = Duration::from_secs(1);
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MOST: Duration = Duration::from_secs(10);

/// Until shutdown, through any failure.
pub(crate) async fn run(log: Log, bus: Option<Bus>, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let turn = async {
            let mut turn = take_turn(&log).await?;
            drive(&log, bus.clone(), &shutdown, &mut turn).await
        };
        let result = tokio::select! {
            () = shutdown.cancelled() => return,
            result = turn => result,
        };
        match result {
            Ok(()) => return,
            Err(failure) => {
                tracing::warn!(process = NAME, "process {NAME} starts again: {failure}");
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
async fn take_turn(log: &Log) -> Result<PgConnection, Failure> {
    let options = log.pool().connect_options();
    let mut connection = in_time(PgConnection::connect_with(&options)).await?;
    loop {
        let try_lock = sqlx::query_scalar(
            "select pg_try_advisory_lock(hashtextextended('daybook process ' || $1, 0))",
        )
        .bind(NAME)
        .fetch_one(&mut connection);
        let mine: bool = in_time(try_lock).await?;
        if mine {
            return Ok(connection);
        }
        sleep(TURN_EVERY).await;
    }
}

async fn drive(
    log: &Log,
    bus: Option<Bus>,
    shutdown: &CancellationToken,
    turn: &mut PgConnection,
) -> Result<(), Failure> {
    let mut saved = in_time(checkpoint::load(log.reader(), NAME)).await?;
    let mut events = Subscription::start(log.reader().clone(), bus, saved).await;
    let mut progress = Progress::new(saved);
    let mut lanes = Lanes::default();
    let mut waiting = 0;
    let mut instances: JoinSet<(OrderId, i64)> = JoinSet::new();
    let mut tick = interval(SAVE_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut turn_checked = Instant::now();
    tracing::info!(process = NAME, "process {NAME} goes on after position {saved}");
    loop {
        while instances.len() < INSTANCES_MAX
            && let Some(cause) = lanes.pop()
        {
            waiting -= 1;
            instances.spawn(until_done(log.clone(), cause));
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            Some(done) = instances.join_next() => {
                let (order, position) = done.map_err(|panic| Failure(panic.to_string()))?;
                progress.finish(position);
                lanes.finish(order);
            }
            batch = events.next(), if waiting < WAITING_MAX => {
                let batch = match batch {
                    Ok(batch) => batch,
                    Err(SubscribeError::Stopped) => return Ok(()),
                    Err(error @ SubscribeError::Diverged { .. }) => {
                        return Err(Failure(error.to_string()));
                    }
                };
                for event in batch.iter() {
                    let cause = Cause::of(event).map_err(|error| Failure(error.to_string()))?;
                    if let Some(cause) = cause {
                        progress.begin(cause.position);
                        lanes.push(cause);
                        waiting += 1;
                    }
                    progress.scanned(event.position);
                }
            }
            _ = tick.tick() => {
                report(&progress);
                if progress.finished() > saved {
                    in_time(checkpoint::save(log.pool(), NAME, progress.finished())).await?;
                    saved = progress.finished();
                }
                if turn_checked.elapsed() > TURN_EVERY {
                    in_time(turn.ping()).await?;
                    turn_checked = Instant::now();
                }
            }
        }
    }
}

/// One reaction, tried again until it is done: no rule of ours can be the reason that it fails.
async fn until_done(log: Log, cause: Cause) -> (OrderId, i64) {
    let mut pause = RETRY_FIRST;
    while let Err(failure) = fulfilment::react(&log, &cause).await {
        metrics::counter!("daybook_process_retries_total", "process" => NAME).increment(1);
        tracing::warn!(
            process = NAME, order.id = %cause.order, position = cause.position,
            "order {} tries again in {} ms: {failure}", cause.order, pause.as_millis(),
        );
        sleep(pause).await;
        pause = (pause * 2).min(RETRY_MOST);
    }
    (cause.order, cause.position)
}

fn report(progress: &Progress) {
    metrics::gauge!("daybook_process_position", "process" => NAME).set(progress.finished() as f64);
    metrics::gauge!("daybook_process_unfinished", "process" => NAME)
        .set(progress.unfinished() as f64);
}
