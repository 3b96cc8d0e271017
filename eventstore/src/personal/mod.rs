//! Personal data can be forgotten without touching history.
//!
//! At the store's edge every `{"personal": {"subject", "value"}}` becomes
//! `{"sealed": {"subject", "box"}}`, encrypted with a key of that subject, and stays so everywhere on
//! disk. Three layers of keys:
//!
//! - the *root key* comes with the configuration and wraps the wrapping keys;
//! - a *wrapping key*, a new one every day, wraps the subjects' keys and is destroyed within
//!   [`ERASURE_HORIZON`], so that copies of a wrapped key in write-ahead log and backups die with it;
//! - a *subject's key* seals the values of one person. Erasing the person turns its row into a
//!   tombstone, and all their values read `{"erased": {"subject"}}` from then on.
//!
//! Looking something up by a personal value uses [`PersonalKeys::lookup_hash`], a keyed hash.

mod cipher;
mod envelope;
mod rotation;
mod subjects;
mod wrapping;

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use sqlx::PgPool;
use uuid::Uuid;

pub use rotation::Rotation;

use cipher::SecretKey;
use subjects::{SubjectKey, Subjects};
use wrapping::WrappingKeys;

/// After this nothing the system wrote, backups included, opens an erased person's values.
pub const ERASURE_HORIZON: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Turns the key rows of erased subjects ($1, uuid[]) into tombstones. Runs in the transaction that
/// appends their AccountErased; a subject that never had a key gets its tombstone too.
pub const ERASE_SUBJECTS: &str = "
    insert into eventstore.personal_keys (subject, erased_at)
    select distinct subject, now() from unnest($1::uuid[]) as erased (subject)
    on conflict (subject) do update set wrapped = null, wrapping_key = null, erased_at = now()
    where personal_keys.wrapped is not null";

/// The two keys that come with the configuration.
#[derive(Clone)]
pub struct RootKeys {
    /// Wraps the wrapping keys.
    pub master: [u8; 32],
    /// Makes the keyed hashes. Never rotates: uniqueness of e-mail addresses hangs on it.
    pub lookup: [u8; 32],
}

#[derive(Debug, thiserror::Error)]
pub enum PersonalError {
    /// Nothing more can be recorded about this subject.
    #[error("the personal data of {0} has been erased")]
    Erased(Uuid),
    #[error("a value of {subject} cannot be opened: it was damaged, or sealed under other keys")]
    Unreadable { subject: Uuid },
    #[error("the wrapping key {0} is not known, or does not open with this root key")]
    WrappingKey(Uuid),
    #[error("the key directory: {0}")]
    Directory(#[from] std::io::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// JSON whose personal values are sealed, and whose they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Sealed {
    pub json: String,
    pub subjects: Vec<Uuid>,
}

/// Seals and opens personal values. Cheap to clone.
#[derive(Clone)]
pub struct PersonalKeys {
    inner: Arc<Inner>,
}

struct Inner {
    pool: PgPool,
    lookup: [u8; 32],
    wrapping: WrappingKeys,
    subjects: Subjects,
}

impl PersonalKeys {
    /// Keeps the wrapping keys in the database. Physical backups and write-ahead log then hold
    /// them too, so both must not be kept longer than [`ERASURE_HORIZON`].
    pub fn new(pool: PgPool, roots: RootKeys) -> Self {
        Self::build(pool, roots, None)
    }

    /// Keeps the wrapping keys in a directory of their own, which all processes of one database
    /// share and no backup of the database contains.
    pub fn with_key_directory(pool: PgPool, roots: RootKeys, directory: PathBuf) -> Self {
        Self::build(pool, roots, Some(directory))
    }

    fn build(pool: PgPool, roots: RootKeys, directory: Option<PathBuf>) -> Self {
        let wrapping =
            WrappingKeys::new(pool.clone(), SecretKey::from_bytes(roots.master), directory);
        let subjects = Subjects::new(pool.clone());
        Self { inner: Arc::new(Inner { pool, lookup: roots.lookup, wrapping, subjects }) }
    }

    /// Seals every personal value. Keys of new subjects are committed before this returns, so that
    /// no event can be read whose key could be lost.
    pub async fn seal_text(&self, json: String) -> Result<Sealed, PersonalError> {
        if !envelope::may_hold_personal(&json) {
            return Ok(Sealed { json, subjects: Vec::new() });
        }
        let mut value: Value = serde_json::from_str(&json)?;
        let subjects = envelope::personal_subjects(&value);
        if subjects.is_empty() {
            return Ok(Sealed { json, subjects });
        }
        let keys = self.inner.subjects.for_sealing(&subjects, &self.inner.wrapping).await?;
        envelope::seal(&mut value, &keys)?;
        Ok(Sealed { json: serde_json::to_string(&value)?, subjects })
    }

    /// The inverse of [`Self::seal_text`]; values of erased subjects come out as erased.
    pub async fn open_text<'a>(&self, json: &'a str) -> Result<Cow<'a, str>, PersonalError> {
        if !envelope::may_hold_sealed(json) {
            return Ok(Cow::Borrowed(json));
        }
        let mut value: Value = serde_json::from_str(json)?;
        self.open_value(&mut value).await?;
        Ok(Cow::Owned(serde_json::to_string(&value)?))
    }

    /// Opens every sealed value in place.
    pub async fn open_value(&self, value: &mut Value) -> Result<(), PersonalError> {
        self.open_values(std::slice::from_mut(value)).await
    }

    /// Opens the sealed values of many documents, with one question to the database at most.
    pub async fn open_values(&self, values: &mut [Value]) -> Result<(), PersonalError> {
        let subjects = envelope::sealed_subjects(values);
        if subjects.is_empty() {
            return Ok(());
        }
        let keys = self.inner.subjects.for_opening(&subjects, &self.inner.wrapping).await?;
        for value in values {
            envelope::open(value, &keys)?;
        }
        Ok(())
    }

    /// Forgets what this process holds of a subject, so that an erasure shows here at once. Other
    /// processes follow within two seconds by themselves.
    pub fn forget(&self, subject: Uuid) {
        self.inner.subjects.forget(subject);
    }

    /// Stands for a personal value where it must be compared, such as an e-mail address that may be
    /// taken: HMAC-SHA256 over kind and value, in hex.
    pub fn lookup_hash(&self, kind: &str, value: &str) -> String {
        hex::encode(self.keyed_hash(kind, value.as_bytes()))
    }

    /// Whether a hash is that of the value, in a time that tells nothing of how near it came.
    pub fn is_lookup_hash(&self, kind: &str, value: &str, hash: &str) -> bool {
        let mac = self.keyed(kind, value.as_bytes());
        hex::decode(hash).is_ok_and(|hash| mac.verify_slice(&hash).is_ok())
    }

    /// HMAC-SHA256 over kind and value.
    pub(crate) fn keyed_hash(&self, kind: &str, value: &[u8]) -> [u8; 32] {
        self.keyed(kind, value).finalize().into_bytes().into()
    }

    fn keyed(&self, kind: &str, value: &[u8]) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.inner.lookup)
            .expect("HMAC takes keys of any length");
        mac.update(&(kind.len() as u64).to_be_bytes());
        mac.update(kind.as_bytes());
        mac.update(value);
        mac
    }
}
