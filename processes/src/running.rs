//! Reactions under way, as operators see them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;

use crate::failure::Failure;

/// One that is over sooner is shown to nobody.
const SHOWN_AFTER: TimeDelta = TimeDelta::seconds(1);

/// One reaction under way.
#[derive(Debug)]
pub(crate) struct Underway {
    instance: String,
    position: i64,
    began_at: DateTime<Utc>,
    trouble: Mutex<Trouble>,
}

#[derive(Debug, Default, Clone)]
struct Trouble {
    attempts: i32,
    error: Option<String>,
    retry_at: Option<DateTime<Utc>>,
}

impl Underway {
    pub(crate) fn new(instance: &str, position: i64) -> Self {
        let (instance, trouble) = (instance.to_owned(), Mutex::default());
        Self { instance, position, began_at: Utc::now(), trouble }
    }

    /// One more attempt failed; the next one is made after a pause.
    pub(crate) fn failed(&self, failure: &Failure, pause: Duration) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.attempts += 1;
        // Text columns refuse U+0000, which an error message may quote.
        trouble.error = Some(failure.to_string().replace('\0', "\u{fffd}"));
        trouble.retry_at = Some(Utc::now() + pause);
    }

    fn trouble(&self) -> Trouble {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Says that a program is at work on a process, and on what.
pub(crate) async fn publish(
    pool: &PgPool,
    process: &str,
    running: &[Arc<Underway>],
    waiting: usize,
) -> Result<(), sqlx::Error> {
    let long_since = Utc::now() - SHOWN_AFTER;
    let shown: Vec<(&Underway, Trouble)> = running
        .iter()
        .filter(|one| one.began_at < long_since)
        .map(|one| (&**one, one.trouble()))
        .collect();
    sqlx::query(
        "with seen as (
             update processes.checkpoints
             set seen_at = clock_timestamp(), running = $2, waiting = $3 where name = $1),
         over as (
             delete from processes.running where name = $1 and position <> all($5::bigint[]))
         insert into processes.running as shown
             (name, instance, position, began_at, attempts, error, retry_at)
         select $1, * from unnest($4::text[], $5::bigint[], $6::timestamptz[], $7::int[],
                                  $8::text[], $9::timestamptz[])
         on conflict (name, position) do update
            set began_at = excluded.began_at, attempts = excluded.attempts,
                error = excluded.error, retry_at = excluded.retry_at
          where (shown.began_at, shown.attempts) <> (excluded.began_at, excluded.attempts)",
    )
    .bind(process)
    .bind(i32::try_from(running.len()).unwrap_or(i32::MAX))
    .bind(i32::try_from(waiting).unwrap_or(i32::MAX))
    .bind(shown.iter().map(|(one, _)| one.instance.as_str()).collect::<Vec<_>>())
    .bind(shown.iter().map(|(one, _)| one.position).collect::<Vec<_>>())
    .bind(shown.iter().map(|(one, _)| one.began_at).collect::<Vec<_>>())
    .bind(shown.iter().map(|(_, trouble)| trouble.attempts).collect::<Vec<_>>())
    .bind(shown.iter().map(|(_, trouble)| trouble.error.as_deref()).collect::<Vec<_>>())
    .bind(shown.iter().map(|(_, trouble)| trouble.retry_at).collect::<Vec<_>>())
    .execute(pool)
    .await?;
    Ok(())
}
