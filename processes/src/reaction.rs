//! One reaction, again and again until it is done.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use eventstore::Log;
use futures::FutureExt;
use tokio::time::sleep;

use crate::cause::Task;
use crate::failure::Failure;
use crate::process::Process;
use crate::running::Underway;

/// How often a reaction that will fail again is tried before its instance is parked.
pub(crate) const ATTEMPTS_MAX: i32 = 5;
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MOST: Duration = Duration::from_secs(10);

/// Fails only when it has failed too often for a reason that stays.
pub(crate) async fn until_done(
    process: &dyn Process,
    log: &Log,
    task: &Task,
    underway: &Underway,
) -> Result<(), Failure> {
    let mut pause = RETRY_FIRST;
    let mut attempts = 0;
    loop {
        let Err(failure) = attempt(process, log, task).await else { return Ok(()) };
        metrics::counter!("daybook_process_retries_total", "process" => process.name())
            .increment(1);
        if matches!(failure, Failure::Lasting(_)) {
            attempts += 1;
            if attempts == ATTEMPTS_MAX {
                return Err(failure);
            }
        }
        tracing::warn!(
            process = process.name(),
            instance = task.instance,
            position = task.position,
            "{} tries again in {} ms: {failure}",
            task.instance,
            pause.as_millis(),
        );
        underway.failed(&failure, pause);
        sleep(pause).await;
        pause = (pause * 2).min(RETRY_MOST);
    }
}

async fn attempt(process: &dyn Process, log: &Log, task: &Task) -> Result<(), Failure> {
    let cause = task.cause.as_ref().map_err(Clone::clone)?;
    let reaction = AssertUnwindSafe(process.react(log, cause)).catch_unwind();
    reaction.await.unwrap_or_else(|_| Err(Failure::lasting("the reaction panicked")))
}
