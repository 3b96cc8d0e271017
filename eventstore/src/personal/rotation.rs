//! Wrapping keys come and go, so that an erased key dies in every old copy of its row as well.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::cipher::SecretKey;
use super::wrapping::RENEW_AFTER;
use super::{ERASE_SUBJECTS, PersonalError, PersonalKeys};

/// Subjects wrapped with a key older than this get a newer one, and the old key is destroyed: a
/// day before the horizon ends, in case a run fails.
const REWRAP_AFTER: Duration = Duration::from_secs(5 * 24 * 60 * 60);
const REWRAP_BATCH_MAX: i64 = 1_000;
const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);

/// What a rotation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Rotation {
    pub subjects_rewrapped: u64,
    pub wrapping_keys_destroyed: u64,
}

impl PersonalKeys {
    /// Does what is due: a new wrapping key each day, old ones destroyed within the horizon.
    pub async fn rotate(&self) -> Result<Rotation, PersonalError> {
        self.rotate_older_than(RENEW_AFTER, REWRAP_AFTER).await
    }

    /// Makes a new wrapping key now, wraps every subject with it and destroys all others.
    pub async fn rotate_now(&self) -> Result<Rotation, PersonalError> {
        self.rotate_older_than(Duration::ZERO, Duration::ZERO).await
    }

    /// Destroys the keys of everybody the log says was erased: a restored database may hold keys
    /// that are older than the erasure. Runs before anything is served; answers how many there were.
    pub async fn erase_again(&self) -> Result<u64, PersonalError> {
        // The list of types is that of the index events_standing, which makes this quick.
        let erased: Vec<Uuid> = sqlx::query_scalar(
            "select subject from eventstore.personal_keys
             where wrapped is not null and subject::text in (
                 select aggregate_id from eventstore.events
                 where event_type in ('RoleGranted', 'RoleRevoked', 'AccountDeactivated',
                                      'AccountReactivated', 'AccountErased')
                   and event_type = 'AccountErased')",
        )
        .fetch_all(&self.inner.pool)
        .await?;
        if !erased.is_empty() {
            sqlx::query(ERASE_SUBJECTS).bind(&erased).execute(&self.inner.pool).await?;
        }
        Ok(erased.len() as u64)
    }

    /// Rotates whenever something is due, until shut down. Any number of processes may do so.
    pub async fn keep_rotating(self, shutdown: CancellationToken) {
        loop {
            match self.rotate().await {
                Ok(Rotation { wrapping_keys_destroyed: 0, .. }) => {}
                Ok(rotation) => tracing::info!(?rotation, "rotated the wrapping keys"),
                Err(error) => tracing::error!(%error, "cannot rotate the wrapping keys: {error}"),
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn rotate_older_than(
        &self,
        renew_after: Duration,
        rewrap_after: Duration,
    ) -> Result<Rotation, PersonalError> {
        let (newest, key) = self.inner.wrapping.newest(renew_after).await?;
        let old: Vec<(Uuid, Option<Vec<u8>>)> = sqlx::query_as(
            "select id, wrapped from eventstore.wrapping_keys
             where id <> $1 and created_at <= now() - $2 * interval '1 second'
             order by created_at",
        )
        .bind(newest)
        .bind(rewrap_after.as_secs_f64())
        .fetch_all(&self.inner.pool)
        .await?;
        let mut rotation = Rotation { subjects_rewrapped: 0, wrapping_keys_destroyed: 0 };
        for (id, wrapped) in old {
            let old_key = self.inner.wrapping.unwrap(id, wrapped).await?;
            rotation.subjects_rewrapped += self.rewrap((id, &old_key), (newest, &key)).await?;
            rotation.wrapping_keys_destroyed += u64::from(self.inner.wrapping.destroy(id).await?);
        }
        Ok(rotation)
    }

    async fn rewrap(
        &self,
        (from, from_key): (Uuid, &SecretKey),
        (to, to_key): (Uuid, &SecretKey),
    ) -> Result<u64, PersonalError> {
        let mut rewrapped = 0;
        loop {
            let rows: Vec<(Uuid, Vec<u8>)> = sqlx::query_as(
                "select subject, wrapped from eventstore.personal_keys
                 where wrapping_key = $1 and wrapped is not null limit $2",
            )
            .bind(from)
            .bind(REWRAP_BATCH_MAX)
            .fetch_all(&self.inner.pool)
            .await?;
            if rows.is_empty() {
                break;
            }
            let mut subjects = Vec::with_capacity(rows.len());
            let mut wrapped = Vec::with_capacity(rows.len());
            for (subject, old) in rows {
                let key = SecretKey::unwrap_with(from_key, &old, subject.as_bytes())
                    .ok_or(PersonalError::Unreadable { subject })?;
                wrapped.push(key.wrap_with(to_key, subject.as_bytes()));
                subjects.push(subject);
            }
            // The condition keeps a subject erased that is erased while we are at it.
            rewrapped += sqlx::query(
                "update eventstore.personal_keys personal
                 set wrapped = new.wrapped, wrapping_key = $1
                 from unnest($2::uuid[], $3::bytea[]) as new (subject, wrapped)
                 where personal.subject = new.subject and personal.wrapping_key = $4
                   and personal.wrapped is not null",
            )
            .bind(to)
            .bind(&subjects)
            .bind(&wrapped)
            .bind(from)
            .execute(&self.inner.pool)
            .await?
            .rows_affected();
        }
        sqlx::query(
            "update eventstore.personal_keys set wrapping_key = null
             where wrapping_key = $1 and wrapped is null",
        )
        .bind(from)
        .execute(&self.inner.pool)
        .await?;
        Ok(rewrapped)
    }
}
