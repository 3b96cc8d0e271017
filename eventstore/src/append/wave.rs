//! Which of the commands in line can be appended as one set.
//!
//! The set is checked against the log as it is and then written, so what one of its members does
//! must not change what is to be said of another. What can be known of that here is known here: a
//! stream that a member writes is where that member leaves it.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use domain::Claim;

use super::{Append, BATCH_MAX, Verdict};
use crate::event::StreamId;

/// The most events in one set, unless one command alone has more.
const EVENTS_MAX: usize = 4_096;

/// So many commands from the front of the line, in its order.
#[derive(Default)]
pub(super) struct Wave {
    pub(super) size: usize,
    pub(super) heads: Vec<Head>,
    pub(super) touches: Touches,
}

/// Where a stream that no earlier member writes must stand in the log.
pub(super) struct Head {
    /// Index of the command.
    pub(super) command: usize,
    /// Index of its write, or of its guard.
    pub(super) place: usize,
    /// A decision used it; else it is written to.
    pub(super) fact: bool,
    /// The stream's first event would take a place that is taken: no need to look before.
    pub(super) told_by_index: bool,
}

/// What a set has to do with the next one, as hashes: what is taken for the same by mistake only
/// waits.
#[derive(Default)]
pub(super) struct Touches {
    keys: HashSet<u64>,
    written: HashSet<u64>,
    read: HashSet<u64>,
    claims: bool,
    /// An erasure speaks about everybody's events: it goes alone.
    alone: bool,
}

impl Touches {
    /// Whether a command is what it is whatever becomes of the set.
    fn leave_alone(&self, command: &Append) -> bool {
        !self.alone
            && command.erased.is_empty()
            && (!self.claims || command.claims.is_empty())
            && !self.keys.contains(&mark((&command.caller, &command.key)))
            && command.guards.iter().all(|guard| !self.written.contains(&mark(&guard.stream)))
            && command.writes.iter().all(|write| {
                let stream = mark(&write.stream);
                !self.written.contains(&stream) && !self.read.contains(&stream)
            })
    }

    fn add(&mut self, command: &Append) {
        self.alone |= !command.erased.is_empty();
        self.claims |= !command.claims.is_empty();
        self.keys.insert(mark((&command.caller, &command.key)));
        self.written.extend(command.writes.iter().map(|write| mark(&write.stream)));
        self.read.extend(command.guards.iter().map(|guard| mark(&guard.stream)));
    }
}

fn mark(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

impl Wave {
    /// Takes as many as get along with each other and with the set that is under way, `max` at
    /// most.
    pub(super) fn of<'a>(
        line: impl Iterator<Item = &'a Append>,
        max: usize,
        under_way: Option<&Touches>,
    ) -> Self {
        let (mut wave, mut members) = (Self::default(), Members::default());
        for command in line.take(max.clamp(1, BATCH_MAX)) {
            let apart = under_way.is_none_or(|touches| touches.leave_alone(command));
            if !apart || (wave.size > 0 && (wave.touches.alone || !members.admit(command))) {
                break;
            }
            members.take(command, &mut wave);
        }
        wave
    }
}

/// What is known while a set is put together.
#[derive(Default)]
struct Members<'a> {
    events: usize,
    keys: HashSet<(&'a str, &'a str)>,
    streams: HashMap<&'a StreamId, i64>,
    claims: HashSet<Touched<'a>>,
}

/// What members did to claims.
#[derive(PartialEq, Eq, Hash)]
enum Touched<'a> {
    Unique(&'a str, &'a str),
    Place(&'a str, &'a str),
    Capacity(&'a str, &'a str),
    Holder(&'a str, &'a str),
}

impl<'a> Members<'a> {
    fn admit(&self, command: &Append) -> bool {
        let stands = |stream: &StreamId, at: i64| self.streams.get(stream).is_none_or(|s| *s == at);
        command.erased.is_empty()
            && self.events + command.events() <= EVENTS_MAX
            && !self.keys.contains(&(command.caller.as_str(), command.key.as_str()))
            && command.writes.iter().all(|write| stands(&write.stream, write.expected))
            && command.guards.iter().all(|guard| stands(&guard.stream, guard.sequence))
            && command.claims.iter().all(|claim| self.admit_claim(claim))
    }

    fn admit_claim(&self, claim: &Claim) -> bool {
        let touched = |what| self.claims.contains(&what);
        match claim {
            Claim::Unique { kind, key, .. } => {
                !touched(Touched::Unique(kind, key)) && !touched(Touched::Place(kind, key))
            }
            Claim::Place { kind, key, holder } => {
                !touched(Touched::Unique(kind, key))
                    && !touched(Touched::Capacity(kind, key))
                    && !touched(Touched::Holder(kind, holder))
            }
            Claim::Capacity { kind, key, .. } => !touched(Touched::Capacity(kind, key)),
            // The set gives back before it takes.
            Claim::Release { kind, holder } => !touched(Touched::Holder(kind, holder)),
        }
    }

    fn take(&mut self, command: &'a Append, wave: &mut Wave) {
        self.events += command.events();
        self.keys.insert((&command.caller, &command.key));
        for (place, guard) in command.guards.iter().enumerate() {
            if !self.streams.contains_key(&guard.stream) {
                let (command, fact, told_by_index) = (wave.size, true, false);
                wave.heads.push(Head { command, place, fact, told_by_index });
            }
        }
        for (place, write) in command.writes.iter().enumerate() {
            let after = write.after();
            if self.streams.insert(&write.stream, after).is_none() {
                let told_by_index = write.expected == 0 && after > 0;
                let (command, fact) = (wave.size, false);
                wave.heads.push(Head { command, place, fact, told_by_index });
            }
        }
        self.claims.extend(command.claims.iter().flat_map(touched_by));
        wave.touches.add(command);
        wave.size += 1;
    }
}

fn touched_by(claim: &Claim) -> Vec<Touched<'_>> {
    match claim {
        Claim::Unique { kind, key, holder, .. } => {
            vec![Touched::Unique(kind, key), Touched::Holder(kind, holder)]
        }
        Claim::Place { kind, key, holder } => {
            vec![Touched::Place(kind, key), Touched::Holder(kind, holder)]
        }
        Claim::Capacity { kind, key, .. } => vec![Touched::Capacity(kind, key)],
        Claim::Release { .. } => vec![],
    }
}

/// What commands that may yet be appended will do to claims.
#[derive(Default)]
pub(super) struct Standing {
    places: HashSet<(&'static str, String)>,
    released: HashSet<&'static str>,
}

impl Standing {
    pub(super) fn add(&mut self, append: &Append) {
        for claim in &append.claims {
            match claim {
                Claim::Place { kind, key, .. } => {
                    self.places.insert((kind, key.clone()));
                }
                Claim::Release { kind, .. } => {
                    self.released.insert(kind);
                }
                Claim::Unique { .. } | Claim::Capacity { .. } => {}
            }
        }
    }

    /// Whether a verdict on a later command is right whatever becomes of them: a claim that cannot
    /// be had may be there for it after all.
    pub(super) fn is_sure(&self, append: &Append, verdict: &Verdict) -> bool {
        !matches!(verdict, Verdict::Taken { .. } | Verdict::Full { .. })
            || !append.claims.iter().any(|claim| match claim {
                Claim::Unique { kind, .. } => self.released.contains(kind),
                Claim::Place { kind, key, .. } => {
                    self.released.contains(kind) || self.places.contains(&(*kind, key.clone()))
                }
                Claim::Capacity { .. } | Claim::Release { .. } => false,
            })
    }
}
