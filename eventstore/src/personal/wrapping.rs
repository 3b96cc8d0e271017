//! Wrapping keys: one a day, kept under the root key, destroyed when nothing needs them any more.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::PgPool;
use uuid::Uuid;

use super::PersonalError;
use super::cipher::SecretKey;

/// After this the next new subject gets a new wrapping key.
pub(super) const RENEW_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a process works with what it knows of wrapping keys before it asks again.
const HELD_FOR: Duration = Duration::from_secs(60);
const HELD_MAX: u64 = 100;
/// Serializes the making of wrapping keys.
const RENEWAL_LOCK: i64 = 0x6461_7962_6f6f_6b77;

pub(super) struct WrappingKeys {
    pool: PgPool,
    root: SecretKey,
    /// None: they are kept in the database.
    directory: Option<PathBuf>,
    held: moka::sync::Cache<Uuid, SecretKey>,
    current: moka::sync::Cache<(), Uuid>,
}

impl WrappingKeys {
    pub(super) fn new(pool: PgPool, root: SecretKey, directory: Option<PathBuf>) -> Self {
        let held =
            moka::sync::Cache::builder().max_capacity(HELD_MAX).time_to_live(HELD_FOR).build();
        let current = moka::sync::Cache::builder().max_capacity(1).time_to_live(HELD_FOR).build();
        Self { pool, root, directory, held, current }
    }

    /// The key that new subjects are wrapped with.
    pub(super) async fn current(&self) -> Result<(Uuid, SecretKey), PersonalError> {
        if let Some(id) = self.current.get(&())
            && let Some(key) = self.held.get(&id)
        {
            return Ok((id, key));
        }
        self.newest(RENEW_AFTER).await
    }

    pub(super) fn forget_current(&self) {
        self.current.invalidate_all();
    }

    /// The newest key, or a new one if that is older than `renew_after`.
    pub(super) async fn newest(
        &self,
        renew_after: Duration,
    ) -> Result<(Uuid, SecretKey), PersonalError> {
        let mut tx = self.pool.begin().await?;
        sqlx::query("select pg_advisory_xact_lock($1)")
            .bind(RENEWAL_LOCK)
            .execute(&mut *tx)
            .await?;
        let newest: Option<(Uuid, Option<Vec<u8>>)> = sqlx::query_as(
            "select id, wrapped from eventstore.wrapping_keys
             where created_at > now() - $1 * interval '1 second'
             order by created_at desc limit 1",
        )
        .bind(renew_after.as_secs_f64())
        .fetch_optional(&mut *tx)
        .await?;
        let (id, key) = match newest {
            Some((id, wrapped)) => (id, self.unwrap(id, wrapped).await?),
            None => {
                let (id, key) = (Uuid::now_v7(), SecretKey::generate());
                let wrapped = key.wrap_with(&self.root, id.as_bytes());
                let in_database = match &self.directory {
                    Some(directory) => {
                        write_new(directory, id, &wrapped)?;
                        None
                    }
                    None => Some(wrapped),
                };
                sqlx::query("insert into eventstore.wrapping_keys (id, wrapped) values ($1, $2)")
                    .bind(id)
                    .bind(in_database)
                    .execute(&mut *tx)
                    .await?;
                tx.commit().await?;
                (id, key)
            }
        };
        self.held.insert(id, key.clone());
        self.current.insert((), id);
        Ok((id, key))
    }

    /// The key of a row, whichever place it is kept in.
    pub(super) async fn unwrap(
        &self,
        id: Uuid,
        in_database: Option<Vec<u8>>,
    ) -> Result<SecretKey, PersonalError> {
        if let Some(key) = self.held.get(&id) {
            return Ok(key);
        }
        let wrapped = match (in_database, &self.directory) {
            (Some(wrapped), _) => wrapped,
            (None, Some(directory)) => tokio::fs::read(directory.join(id.to_string())).await?,
            (None, None) => return Err(PersonalError::WrappingKey(id)),
        };
        let key = SecretKey::unwrap_with(&self.root, &wrapped, id.as_bytes())
            .ok_or(PersonalError::WrappingKey(id))?;
        self.held.insert(id, key.clone());
        Ok(key)
    }

    /// Destroys a key if nothing is wrapped with it any more. False: something is.
    pub(super) async fn destroy(&self, id: Uuid) -> Result<bool, PersonalError> {
        let deleted = sqlx::query("delete from eventstore.wrapping_keys where id = $1")
            .bind(id)
            .execute(&self.pool)
            .await;
        match deleted {
            Ok(_) => {}
            Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        }
        self.held.invalidate(&id);
        if let Some(directory) = &self.directory {
            overwrite_and_remove(&directory.join(id.to_string()))?;
        }
        Ok(true)
    }
}

fn write_new(directory: &std::path::Path, id: Uuid, wrapped: &[u8]) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(directory.join(id.to_string()))?;
    file.write_all(wrapped)?;
    file.sync_all()?;
    // The name must survive a crash as well as the content.
    std::fs::File::open(directory)?.sync_all()
}

fn overwrite_and_remove(path: &std::path::Path) -> io::Result<()> {
    let length = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len() as usize,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut file = std::fs::OpenOptions::new().write(true).open(path)?;
    file.write_all(&vec![0; length])?;
    file.sync_all()?;
    std::fs::remove_file(path)
}
