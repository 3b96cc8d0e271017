//! Signed checkpoints: what the log's owner cannot take back.
//!
//! Whoever owns a database can recompute a hash chain. So the chain's hash leaves it every hour,
//! signed, to an append-only file or a receiver elsewhere; a log that was changed or cut before a
//! checkpoint contradicts it. Before one is signed, the chain since the last one is recomputed.

mod deliver;
mod http;
mod keep;

use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::personal::RootKeys;

pub use deliver::Receiver;
pub use http::HttpError;
pub use keep::{CheckpointError, Checkpoints, EVERY, newest};

/// The chain's hash at a position, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Checkpoint {
    /// The last position of a commit.
    pub position: i64,
    /// The hash of that commit, in hex.
    pub hash: String,
    pub at: DateTime<Utc>,
    /// The first 16 hex digits of the public key's SHA-256.
    pub key_id: String,
    /// Ed25519, in hex. Compare it with the one you were given by another way.
    pub public_key: String,
    /// Ed25519 over [`Checkpoint::message`], in hex.
    pub signature: String,
}

/// The key that signs checkpoints.
#[derive(Clone)]
pub struct CheckpointKey(SigningKey);

impl CheckpointKey {
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// The key of an installation that has no other: derived from its master key, one way.
    pub fn of(roots: &RootKeys) -> Self {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&roots.master)
            .expect("HMAC takes keys of any length");
        mac.update(b"daybook checkpoint key 1");
        Self::from_seed(mac.finalize().into_bytes().into())
    }

    pub fn public_key(&self) -> String {
        hex::encode(self.0.verifying_key().to_bytes())
    }

    /// `at` is kept to the microsecond, as Postgres does.
    pub fn sign(&self, position: i64, hash: String, at: DateTime<Utc>) -> Checkpoint {
        let public_key = self.public_key();
        let key_id = key_id(&self.0.verifying_key());
        let signature = String::new();
        let mut checkpoint = Checkpoint { position, hash, at, key_id, public_key, signature };
        checkpoint.signature = hex::encode(self.0.sign(checkpoint.message().as_bytes()).to_bytes());
        checkpoint
    }
}

fn key_id(key: &VerifyingKey) -> String {
    hex::encode(&Sha256::digest(key.to_bytes())[..8])
}

impl Checkpoint {
    /// The signed text: five lines, without a line feed at the end.
    pub fn message(&self) -> String {
        format!(
            "daybook checkpoint 1\n{}\n{}\n{}\n{}",
            self.position,
            self.hash,
            self.at.to_rfc3339_opts(SecondsFormat::Micros, true),
            self.key_id,
        )
    }

    /// Was it signed by this key (in hex), and nothing changed since?
    pub fn is_signed_by(&self, public_key: &str) -> bool {
        let key = hex::decode(public_key)
            .ok()
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
        let signature =
            hex::decode(&self.signature).ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
        match (key, signature) {
            (Some(key), Some(signature)) => {
                self.key_id == key_id(&key)
                    && key.verify_strict(self.message().as_bytes(), &signature).is_ok()
            }
            _ => false,
        }
    }
}

/// Why a file of checkpoints cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointFileError {
    #[error("cannot read the checkpoints: {0}")]
    Read(#[from] std::io::Error),
    #[error("line {line} is not a checkpoint: {source}")]
    Parse { line: usize, source: serde_json::Error },
    #[error("line {line}: the checkpoint at {position} is not signed by {public_key}")]
    Signature { line: usize, position: i64, public_key: String },
}

/// Reads a file of checkpoints and checks their signatures, against `public_key` or, without one,
/// each against the key it names. Comes in order of positions.
pub fn read_checkpoints(
    path: &Path,
    public_key: Option<&str>,
) -> Result<Vec<Checkpoint>, CheckpointFileError> {
    let text = std::fs::read_to_string(path)?;
    let mut checkpoints = Vec::new();
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let checkpoint: Checkpoint = serde_json::from_str(text)
            .map_err(|source| CheckpointFileError::Parse { line, source })?;
        let public_key = public_key.unwrap_or(&checkpoint.public_key);
        if !checkpoint.is_signed_by(public_key) {
            let (position, public_key) = (checkpoint.position, public_key.to_owned());
            return Err(CheckpointFileError::Signature { line, position, public_key });
        }
        checkpoints.push(checkpoint);
    }
    checkpoints.sort_by_key(|checkpoint| checkpoint.position);
    // Delivery repeats itself after a crash; two different hashes for a position stay, and fail.
    checkpoints.dedup_by(|a, b| a.position == b.position && a.hash == b.hash);
    Ok(checkpoints)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn checkpoint() -> Checkpoint {
        let at = DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap();
        CheckpointKey::from_seed([7; 32]).sign(42, "ab".repeat(32), at)
    }

    #[test]
    fn a_checkpoint_is_signed_by_its_key_and_by_no_other() {
        let other = CheckpointKey::from_seed([8; 32]).public_key();
        assert!(checkpoint().is_signed_by(&checkpoint().public_key));
        assert!(!checkpoint().is_signed_by(&other));
    }

    #[test]
    fn nothing_in_a_checkpoint_can_be_changed() {
        let original = checkpoint();
        let key = original.public_key.clone();
        let later = original.at + chrono::TimeDelta::microseconds(1);
        for changed in [
            Checkpoint { position: 43, ..original.clone() },
            Checkpoint { hash: "ac".repeat(32), ..original.clone() },
            Checkpoint { at: later, ..original.clone() },
            Checkpoint { key_id: "0".repeat(16), ..original.clone() },
        ] {
            assert!(!changed.is_signed_by(&key), "{changed:?}");
        }
    }

    #[test]
    fn a_checkpoint_survives_the_way_through_json() {
        let json = serde_json::to_string(&checkpoint()).unwrap();
        let read: Checkpoint = serde_json::from_str(&json).unwrap();
        assert!(read.is_signed_by(&checkpoint().public_key));
    }
}
