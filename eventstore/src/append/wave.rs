//! Which of the commands in line can be appended as one set.
//!
//! The set is checked against the log as it is and then written, so what one of its members does
//! must not change what is to be said of another. What can be known of that here is known here: a
//! stream that a member writes is where that member leaves it.

use std::collections::{HashMap, HashSet};

use domain::Claim;

use super::{Append, BATCH_MAX, Prepared, Verdict};
use crate::event::StreamId;

/// The most events in one set, unless one command alone has more.
const EVENTS_MAX: usize = 4_096;

/// Commands from the front of the line, in its order.
#[derive(Default)]
pub(super) struct Wave<'a> {
    pub(super) commands: Vec<&'a Prepared>,
    pub(super) heads: Vec<Head<'a>>,
    events: usize,
    /// An erasure speaks about everybody's events: it goes alone.
    full: bool,
    keys: HashSet<(&'a str, &'a str)>,
    streams: HashMap<&'a StreamId, i64>,
    claims: HashSet<Touched<'a>>,
}

/// Where a stream that no earlier member writes must stand in the log.
pub(super) struct Head<'a> {
    /// Index of the command.
    pub(super) command: usize,
    pub(super) stream: &'a StreamId,
    pub(super) sequence: i64,
    /// A decision used it; else it is written to.
    pub(super) fact: bool,
    /// The stream's first event would take a place that is taken: no need to look before.
    pub(super) told_by_index: bool,
}

/// What members did to claims.
#[derive(PartialEq, Eq, Hash)]
enum Touched<'a> {
    Unique(&'a str, &'a str),
    Place(&'a str, &'a str),
    Capacity(&'a str, &'a str),
    Holder(&'a str, &'a str),
}

impl<'a> Wave<'a> {
    /// Takes as many as get along with each other, `max` at most, and always the first.
    pub(super) fn of(line: impl Iterator<Item = &'a Prepared>, max: usize) -> Self {
        let mut wave = Self::default();
        for command in line.take(max.clamp(1, BATCH_MAX)) {
            if !wave.admits(&command.append) {
                break;
            }
            wave.take(command);
        }
        wave
    }

    fn admits(&self, command: &Append) -> bool {
        if self.commands.is_empty() {
            return true;
        }
        let stands = |stream: &StreamId, at: i64| self.streams.get(stream).is_none_or(|s| *s == at);
        !self.full
            && command.erased.is_empty()
            && self.events + command.events() <= EVENTS_MAX
            && !self.keys.contains(&(command.caller.as_str(), command.key.as_str()))
            && command.writes.iter().all(|write| stands(&write.stream, write.expected))
            && command.guards.iter().all(|guard| stands(&guard.stream, guard.sequence))
            && command.claims.iter().all(|claim| self.admits_claim(claim))
    }

    fn admits_claim(&self, claim: &Claim) -> bool {
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

    fn take(&mut self, prepared: &'a Prepared) {
        let command = &prepared.append;
        let number = self.commands.len();
        self.full = !command.erased.is_empty();
        self.events += command.events();
        self.keys.insert((&command.caller, &command.key));
        for guard in &command.guards {
            if !self.streams.contains_key(&guard.stream) {
                self.heads.push(Head {
                    command: number,
                    stream: &guard.stream,
                    sequence: guard.sequence,
                    fact: true,
                    told_by_index: false,
                });
            }
        }
        for write in &command.writes {
            let after = write.expected + write.events.len() as i64;
            if self.streams.insert(&write.stream, after).is_none() {
                self.heads.push(Head {
                    command: number,
                    stream: &write.stream,
                    sequence: write.expected,
                    fact: false,
                    told_by_index: write.expected == 0 && after > 0,
                });
            }
        }
        self.claims.extend(command.claims.iter().flat_map(touched_by));
        self.commands.push(prepared);
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
