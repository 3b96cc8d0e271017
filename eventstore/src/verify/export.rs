//! An export file verified by itself: no database, no network.

use std::collections::HashMap;
use std::io::{self, BufRead};

use sha2::{Digest, Sha256};

use super::chain::{ChainCheck, GENESIS};
use super::{Commit, Verification};
use crate::checkpoint::Checkpoint;
use crate::event::{RecordedEvent, StreamId};
use crate::export::{AnyLine, FORMAT, Header, Line, LineError, read_line};
use crate::leaf::ChainHash;

/// A progress report now and then, not for every event.
const PROGRESS_EVERY: i64 = 1_000;

#[derive(Debug, thiserror::Error)]
pub enum VerifyExportError {
    #[error("cannot read the export: {0}")]
    Read(#[from] io::Error),
    #[error(transparent)]
    Line(#[from] LineError),
    #[error("this is no export of the format {FORMAT}: it does not begin with its header")]
    Header,
}

/// Recomputes every leaf and every hash of an export, and compares with signed checkpoints, whose
/// signatures were checked before. Memory: 24 bytes or so for each stream.
pub fn verify_export(
    file: impl BufRead,
    checkpoints: &[Checkpoint],
    mut progress: impl FnMut(i64),
) -> Result<Verification, VerifyExportError> {
    let mut lines = (1..).zip(file.lines());
    let header = match lines.next() {
        Some((number, line)) => match read_line(number, &line?)? {
            AnyLine::Other(Line::Export(header)) if header.format == FORMAT => header,
            _ => return Err(VerifyExportError::Header),
        },
        None => return Err(VerifyExportError::Header),
    };
    let from = header.after + 1;
    let mut check = ChainCheck::new(from, hash_before(&header), checkpoints);
    let mut streams = Streams::new(header.after == 0);
    let mut complete = false;
    let mut part = check.part(header.after);
    let mut uncommitted = Vec::new();
    for (number, line) in lines {
        complete = false;
        match read_line(number, &line?)? {
            AnyLine::Event(event) => {
                let (event, leaf) = event.into_recorded();
                check.leaf(&event, &leaf);
                check.event(&event);
                check.contiguous(streams.gap(&event));
                uncommitted.push((event.position, event.recorded_at));
                if check.events() % PROGRESS_EVERY == 0 {
                    progress(event.position);
                }
            }
            AnyLine::Other(Line::Commit(commit)) => {
                let commit = Commit {
                    first_position: commit.first_position,
                    last_position: commit.last_position,
                    hash: hex::decode(&commit.hash).unwrap_or_default(),
                    recorded_at: commit.recorded_at,
                };
                uncommitted.drain(..).for_each(|event| check.within(event, &commit));
                check.commit(&commit);
            }
            AnyLine::Other(Line::Manifest(manifest)) => {
                check.manifest(&manifest, part);
                complete = true;
            }
            // The header of a continuation: the chain goes on as it was.
            AnyLine::Other(Line::Export(next)) => part = check.part(next.after),
        }
        if check.broken().is_some() {
            break;
        }
    }
    if !complete {
        check.no_manifest();
    }
    Ok(check.finish(from))
}

fn hash_before(header: &Header) -> Option<ChainHash> {
    if header.after == 0 {
        return Some(GENESIS);
    }
    let hash = hex::decode(header.previous_hash.as_ref()?).ok()?;
    hash.try_into().ok()
}

/// The last sequence of every stream seen, by the first half of the hash of its name.
struct Streams {
    last: HashMap<[u8; 16], i64>,
    from_the_beginning: bool,
}

impl Streams {
    fn new(from_the_beginning: bool) -> Self {
        Self { last: HashMap::new(), from_the_beginning }
    }

    fn gap(&mut self, event: &RecordedEvent) -> Option<(i64, i64, String)> {
        let before = self.last.insert(name_hash(&event.stream), event.sequence);
        let follows = match before {
            Some(before) => event.sequence == before + 1,
            None => event.sequence == 1 || !self.from_the_beginning,
        };
        let found = before.map_or_else(|| "none".to_owned(), |last| format!("sequence {last}"));
        (!follows).then_some((event.position, event.sequence, found))
    }
}

fn name_hash(stream: &StreamId) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::new()
        .chain_update(&stream.aggregate_type)
        .chain_update([0])
        .chain_update(&stream.aggregate_id)
        .finalize()
        .into();
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    half
}
