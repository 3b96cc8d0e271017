//! The proof of one event: its commit's leaves and the hash before them.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{commits_from, hash_before};
use crate::read::Reader;

/// Shows that an event stands in the chain, to anybody who trusts the hash (or a signed checkpoint
/// at that position): `sha256(previous || leaves) = hash`, and one of the leaves is the event's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    pub position: i64,
    /// The event's own leaf, in hex.
    pub leaf: String,
    /// Which of `leaves` it is, from 0.
    pub index: usize,
    pub first_position: i64,
    pub last_position: i64,
    pub previous: String,
    pub leaves: Vec<String>,
    pub hash: String,
}

impl Proof {
    /// Recomputes the hash from what the proof says.
    pub fn holds(&self) -> bool {
        let Ok(previous) = hex::decode(&self.previous) else { return false };
        let mut hash = Sha256::new_with_prefix(previous);
        for leaf in &self.leaves {
            let Ok(leaf) = hex::decode(leaf) else { return false };
            hash.update(leaf);
        }
        self.leaves.get(self.index) == Some(&self.leaf) && hex::encode(hash.finalize()) == self.hash
    }
}

/// The proof of the event at a position; none if the log does not reach it.
pub async fn proof(reader: &Reader, position: i64) -> Result<Option<Proof>, sqlx::Error> {
    let commits = commits_from(reader.pool(), position.max(1)).await?;
    let Some(commit) = commits.first().filter(|commit| commit.first_position <= position) else {
        return Ok(None);
    };
    let previous = hash_before(reader.pool(), commit.first_position).await?;
    let size = commit.last_position - commit.first_position + 1;
    let events = reader.range(commit.first_position - 1, commit.last_position, size).await?;
    let Some(index) = events.iter().position(|event| event.position == position) else {
        return Ok(None);
    };
    let leaves: Vec<String> = events.iter().map(|event| hex::encode(event.leaf())).collect();
    Ok(Some(Proof {
        position,
        leaf: leaves[index].clone(),
        index,
        first_position: commit.first_position,
        last_position: commit.last_position,
        previous: hex::encode(previous),
        leaves,
        hash: hex::encode(&commit.hash),
    }))
}
