//! The keys of subjects: made with their first value, held for two seconds at most.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sqlx::PgPool;
use uuid::Uuid;

use super::PersonalError;
use super::cipher::SecretKey;
use super::wrapping::WrappingKeys;

/// How long a process may go on using a key after it read the row. An erasure is complete 2 s after
/// it was accepted, answers that were being made meanwhile included.
const KEY_AGE_MAX: Duration = Duration::from_millis(1_500);
const KEYS_HELD_MAX: u64 = 100_000;
/// A wrapping key may be destroyed between choosing and using it, which happens once a day at most.
const ATTEMPTS_MAX: usize = 5;

#[derive(Debug, Clone)]
pub(super) enum SubjectKey {
    Held(SecretKey),
    Erased,
}

pub(super) struct Subjects {
    pool: PgPool,
    held: moka::sync::Cache<Uuid, (Instant, SubjectKey)>,
    /// New subjects of commands that wait for their turn: whoever comes first makes all of them.
    wanted: Mutex<BTreeSet<Uuid>>,
    turn: tokio::sync::Mutex<()>,
}

type KeyRow = (Uuid, Option<Vec<u8>>, Option<Uuid>, Option<Vec<u8>>);

impl Subjects {
    pub(super) fn new(pool: PgPool) -> Self {
        let held = moka::sync::Cache::builder()
            .max_capacity(KEYS_HELD_MAX)
            .time_to_live(KEY_AGE_MAX)
            .build();
        Self { pool, held, wanted: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    pub(super) fn forget(&self, subject: Uuid) {
        self.held.invalidate(&subject);
    }

    /// Keys of all these subjects, made where there are none yet.
    pub(super) async fn for_sealing(
        &self,
        subjects: &[Uuid],
        wrapping: &WrappingKeys,
    ) -> Result<HashMap<Uuid, SubjectKey>, PersonalError> {
        let mut keys = self.fresh(subjects);
        if keys.len() == subjects.len() {
            return Ok(keys);
        }
        self.wanted.lock().expect("nothing panics while holding it").extend(subjects);
        let _turn = self.turn.lock().await;
        keys.extend(self.fresh(subjects));
        if keys.len() == subjects.len() {
            return Ok(keys);
        }
        let mut missing =
            std::mem::take(&mut *self.wanted.lock().expect("nothing panics while holding it"));
        // Ours are no longer in there if somebody took them and was cancelled.
        missing.extend(subjects);
        missing.retain(|subject| !keys.contains_key(subject));
        for _ in 0..ATTEMPTS_MAX {
            let asked: Vec<Uuid> = missing.iter().copied().collect();
            let found = match self.find_or_make(&asked, wrapping).await {
                Err(PersonalError::Database(error)) if wrapping_key_is_gone(&error) => {
                    wrapping.forget_current();
                    continue;
                }
                found => found?,
            };
            missing.retain(|subject| !found.contains_key(subject));
            keys.extend(found);
            // A row that another process made meanwhile shows with the next statement.
            if missing.is_empty() {
                return Ok(keys);
            }
        }
        Err(PersonalError::Database(sqlx::Error::RowNotFound))
    }

    /// Keys of those subjects that have one. A subject without a row counts as erased: there is
    /// nothing that could open its values.
    pub(super) async fn for_opening(
        &self,
        subjects: &[Uuid],
        wrapping: &WrappingKeys,
    ) -> Result<HashMap<Uuid, SubjectKey>, PersonalError> {
        let mut keys = self.fresh(subjects);
        let missing: Vec<Uuid> =
            subjects.iter().copied().filter(|subject| !keys.contains_key(subject)).collect();
        if missing.is_empty() {
            return Ok(keys);
        }
        let read_at = Instant::now();
        let rows: Vec<KeyRow> = sqlx::query_as(
            "select subject, personal.wrapped, wrapping_key, wrapping.wrapped
             from eventstore.personal_keys personal
             left join eventstore.wrapping_keys wrapping on wrapping.id = wrapping_key
             where subject = any ($1)",
        )
        .bind(&missing)
        .fetch_all(&self.pool)
        .await?;
        let mut found = self.hold(rows, read_at, wrapping).await?;
        for subject in missing {
            found.entry(subject).or_insert_with(|| {
                tracing::warn!(%subject, "there is no key for sealed values of {subject}");
                SubjectKey::Erased
            });
        }
        keys.extend(found);
        Ok(keys)
    }

    async fn find_or_make(
        &self,
        subjects: &[Uuid],
        wrapping: &WrappingKeys,
    ) -> Result<HashMap<Uuid, SubjectKey>, PersonalError> {
        let (wrapping_key, key) = wrapping.current().await?;
        let wrapped: Vec<Vec<u8>> = subjects
            .iter()
            .map(|subject| SecretKey::generate().wrap_with(&key, subject.as_bytes()))
            .collect();
        let read_at = Instant::now();
        // One statement: it is committed, and with it the keys, before any event can be.
        let rows: Vec<KeyRow> = sqlx::query_as(
            "with made as (
                 insert into eventstore.personal_keys as personal (subject, wrapped, wrapping_key)
                 select new.subject, new.wrapped, $3
                 from unnest($1::uuid[], $2::bytea[]) as new (subject, wrapped)
                 where not exists (select from eventstore.personal_keys known
                                   where known.subject = new.subject)
                 on conflict (subject) do nothing
                 returning subject, personal.wrapped, wrapping_key
             )
             select keys.subject, keys.wrapped, keys.wrapping_key, wrapping.wrapped
             from (select * from made
                   union all
                   select subject, wrapped, wrapping_key from eventstore.personal_keys
                   where subject = any ($1)) keys
             left join eventstore.wrapping_keys wrapping on wrapping.id = keys.wrapping_key",
        )
        .bind(subjects)
        .bind(&wrapped)
        .bind(wrapping_key)
        .fetch_all(&self.pool)
        .await?;
        self.hold(rows, read_at, wrapping).await
    }

    fn fresh(&self, subjects: &[Uuid]) -> HashMap<Uuid, SubjectKey> {
        let mut keys = HashMap::with_capacity(subjects.len());
        for subject in subjects {
            match self.held.get(subject) {
                Some((read_at, key)) if read_at.elapsed() < KEY_AGE_MAX => {
                    keys.insert(*subject, key);
                }
                _ => {}
            }
        }
        keys
    }

    async fn hold(
        &self,
        rows: Vec<KeyRow>,
        read_at: Instant,
        wrapping: &WrappingKeys,
    ) -> Result<HashMap<Uuid, SubjectKey>, PersonalError> {
        let mut keys = HashMap::with_capacity(rows.len());
        for (subject, wrapped, wrapping_key, wrapping_key_wrapped) in rows {
            let key = match (wrapped, wrapping_key) {
                (Some(wrapped), Some(id)) => {
                    let by = wrapping.unwrap(id, wrapping_key_wrapped).await?;
                    let key = SecretKey::unwrap_with(&by, &wrapped, subject.as_bytes())
                        .ok_or(PersonalError::Unreadable { subject })?;
                    SubjectKey::Held(key)
                }
                _ => SubjectKey::Erased,
            };
            self.held.insert(subject, (read_at, key.clone()));
            keys.insert(subject, key);
        }
        Ok(keys)
    }
}

fn wrapping_key_is_gone(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_foreign_key_violation)
}
