//! The rules of the chain, over events and commits in the order of the log. Pure: the same check
//! serves the database and an export file.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Commit, Verification};
use crate::checkpoint::Checkpoint;
use crate::event::RecordedEvent;
use crate::export::Manifest;
use crate::leaf::ChainHash;

/// The hash before the first commit.
pub(crate) const GENESIS: ChainHash = [0; 32];

/// Where the log first contradicts itself, or a signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Break {
    pub position: i64,
    pub what: Fault,
    pub expected: String,
    pub found: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A position is missing.
    Position,
    /// An event does not follow the one before it in its stream.
    Sequence,
    /// Time went back, or an event was not recorded with its commit.
    RecordedAt,
    /// An event stands in no commit, or a commit does not follow the one before it.
    Commit,
    /// The stored leaf of an exported event is not that of its columns.
    Leaf,
    /// The hash of a commit is not that of its events and the commit before it.
    Hash,
    /// A signed checkpoint says otherwise, or lies beyond the end.
    Checkpoint,
    /// An export does not end with its manifest, or the manifest tells of something else.
    Manifest,
}

impl std::fmt::Display for Break {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.what {
            Fault::Position => "a position is missing",
            Fault::Sequence => "a stream has a gap",
            Fault::RecordedAt => "the time of recording is wrong",
            Fault::Commit => "the commits do not fit the events",
            Fault::Leaf => "an event does not match its leaf",
            Fault::Hash => "the chain is broken",
            Fault::Checkpoint => "a signed checkpoint contradicts the log",
            Fault::Manifest => "the export is not complete",
        };
        write!(
            f,
            "at position {}: {what}: expected {}, found {}",
            self.position, self.expected, self.found
        )
    }
}

/// Where a part of an export begins: after which position, what came before it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Part {
    after: i64,
    events: i64,
    commits: i64,
}

pub(super) struct ChainCheck<'a> {
    next_position: i64,
    /// None: unknown, because an export starts inside a commit.
    hash: Option<ChainHash>,
    open: Sha256,
    recorded_at: DateTime<Utc>,
    verified: i64,
    events: i64,
    commits: i64,
    checkpoints: &'a [Checkpoint],
    agreed: i64,
    broken: Option<Break>,
}

impl<'a> ChainCheck<'a> {
    /// `checkpoints` in order of their positions.
    pub(super) fn new(
        first_position: i64,
        hash_before: Option<ChainHash>,
        checkpoints: &'a [Checkpoint],
    ) -> Self {
        let before = checkpoints.partition_point(|point| point.position < first_position);
        Self {
            next_position: first_position,
            hash: hash_before,
            open: Sha256::new_with_prefix(hash_before.unwrap_or(GENESIS)),
            recorded_at: DateTime::<Utc>::MIN_UTC,
            verified: first_position - 1,
            events: 0,
            commits: 0,
            checkpoints: &checkpoints[before..],
            agreed: 0,
            broken: None,
        }
    }

    /// The part of an export that begins here, after that position.
    pub(super) const fn part(&self, after: i64) -> Part {
        Part { after, events: self.events, commits: self.commits }
    }

    pub(super) const fn next_position(&self) -> i64 {
        self.next_position
    }

    pub(super) const fn events(&self) -> i64 {
        self.events
    }

    pub(super) const fn broken(&self) -> Option<&Break> {
        self.broken.as_ref()
    }

    pub(super) fn event(&mut self, event: &RecordedEvent) {
        let next = self.next_position;
        self.expect(Fault::Position, next.min(event.position), next, event.position);
        if event.recorded_at < self.recorded_at {
            let not_before = format!("not before {}", self.recorded_at);
            self.fail(Fault::RecordedAt, event.position, not_before, event.recorded_at);
        }
        self.recorded_at = event.recorded_at;
        self.open.update(event.leaf());
        self.next_position = event.position + 1;
        self.events += 1;
    }

    /// The stored leaf of an exported event.
    pub(super) fn leaf(&mut self, event: &RecordedEvent, stored: &str) {
        self.expect(Fault::Leaf, event.position, hex::encode(event.leaf()).as_str(), stored);
    }

    /// The manifest of an export: where it says to begin and end, with how many events and commits
    /// and which hash. Of one that was continued it tells the part that begins at `part`.
    pub(super) fn manifest(&mut self, manifest: &Manifest, part: Part) {
        let until = manifest.until;
        self.expect(Fault::Manifest, until, manifest.after, part.after);
        self.expect(Fault::Manifest, until, until, self.verified);
        self.expect(Fault::Manifest, until, manifest.events, self.events - part.events);
        self.expect(Fault::Manifest, until, manifest.commits, self.commits - part.commits);
        if let (Some(told), Some(hash)) = (manifest.hash.as_deref(), self.hash) {
            self.expect(Fault::Manifest, until, told, &hex::encode(hash));
        }
    }

    pub(super) fn no_manifest(&mut self) {
        self.fail(Fault::Manifest, self.next_position, "a manifest in the last line", "none");
    }

    /// The first event of a page that does not follow its stream, if there is one.
    pub(super) fn contiguous(&mut self, gap: Option<(i64, i64, String)>) {
        if let Some((position, sequence, found)) = gap {
            let expected = format!("sequence {} of the stream before it", sequence - 1);
            self.fail(Fault::Sequence, position, expected, found);
        }
    }

    /// An event by its position and time.
    pub(super) fn within(&mut self, event: (i64, DateTime<Utc>), commit: &Commit) {
        let (position, recorded_at) = event;
        if position < commit.first_position {
            self.in_no_commit(position);
        }
        if recorded_at != commit.recorded_at {
            self.expect(Fault::RecordedAt, position, commit.recorded_at, recorded_at);
        }
    }

    pub(super) fn in_no_commit(&mut self, position: i64) {
        self.fail(Fault::Commit, position, "a commit that holds it", "none");
    }

    pub(super) fn commit(&mut self, commit: &Commit) {
        let last = commit.last_position;
        let computed: ChainHash = std::mem::take(&mut self.open).finalize().into();
        let stored = ChainHash::try_from(commit.hash.as_slice()).unwrap_or(GENESIS);
        match self.hash {
            Some(_) => {
                let first = self.verified + 1;
                self.expect(Fault::Commit, last, first, commit.first_position);
                self.expect(Fault::Hash, last, hex::encode(computed), hex::encode(&commit.hash));
            }
            // What an export leaves out at its start cannot be recomputed from it.
            None => self.hash = Some(stored),
        }
        self.hash = Some(stored);
        self.open.update(stored);
        if self.broken.is_none() {
            self.verified = last;
            self.commits += 1;
        }
        self.checkpoints_until(last, stored);
    }

    fn checkpoints_until(&mut self, last: i64, hash: ChainHash) {
        while let Some((point, rest)) = self.checkpoints.split_first()
            && point.position <= last
        {
            self.checkpoints = rest;
            if point.position < last {
                let expected = format!("a commit that ends there with {}", point.hash);
                self.fail(Fault::Checkpoint, point.position, expected, "none");
            }
            self.expect(Fault::Checkpoint, last, point.hash.as_str(), &hex::encode(hash));
            self.agreed += i64::from(self.broken.is_none());
        }
    }

    pub(super) fn expected_event_until(&mut self, until: i64) {
        let position = self.next_position;
        self.fail(Fault::Position, position, format!("events until {until}"), "none");
    }

    /// The end of the log: commits and events end together, and not before a checkpoint.
    pub(super) fn ends_at(&mut self, last_commit: i64, last_event: i64) {
        if last_event != last_commit {
            self.expect(Fault::Commit, last_event, last_event, last_commit);
        }
        if let Some(point) = self.checkpoints.first() {
            let expected = format!("a log that reaches {} with {}", point.position, point.hash);
            self.fail(
                Fault::Checkpoint,
                point.position,
                expected,
                format!("its end at {last_commit}"),
            );
        }
    }

    pub(super) fn finish(self, from: i64) -> Verification {
        Verification {
            ok: self.broken.is_none(),
            from,
            until: self.verified,
            events: self.events,
            commits: self.commits,
            checkpoints: self.agreed,
            checkpoints_beyond: self.checkpoints.len() as i64,
            hash: self.hash.map(hex::encode),
            broken: self.broken,
        }
    }

    fn expect<T: PartialEq + ToString>(&mut self, what: Fault, at: i64, expected: T, found: T) {
        if expected != found {
            self.fail(what, at, expected, found);
        }
    }

    /// Only the first break is told: what follows from it would hide it.
    fn fail(&mut self, what: Fault, at: i64, expected: impl ToString, found: impl ToString) {
        let (expected, found) = (expected.to_string(), found.to_string());
        self.broken.get_or_insert(Break { position: at, what, expected, found });
    }
}
