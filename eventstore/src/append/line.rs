//! The commands in line, and what an answer to one of them means for those behind it.

use std::collections::{BTreeMap, HashMap};

use metrics::counter;
use tokio::sync::oneshot;

use super::appender::StandsOn;
use super::basis::Basis;
use super::wave::Standing;
use super::{Append, AppendError, BATCH_MAX, Prepared, Verdict};
use crate::event::StreamId;

pub(crate) type Answer = Result<Verdict, AppendError>;

/// To a command that was decided on one which is not in the log: whoever sent it decides again.
const FALLEN: Answer = Ok(Verdict::Conflict { current: 0 });

pub(super) struct Pending {
    pub(super) command: Prepared,
    pub(super) stands_on: StandsOn,
    pub(super) answer: oneshot::Sender<Answer>,
}

impl Pending {
    fn has_fallen(&self) -> bool {
        self.stands_on.own.iter().chain(&self.stands_on.facts).any(Basis::has_fallen)
    }

    /// Whoever decided on these events must decide again if they are not in the log. That must be
    /// known here: the caller may have left, and the next command may have been decided already.
    fn take_note(&self, answer: &Answer) {
        let append = &self.command.append;
        for (own, write) in self.stands_on.own.iter().zip(&append.writes) {
            match answer {
                Ok(Verdict::Appended(_)) => own.settle(write.after()),
                _ if append.events() > 0 => own.fall(),
                _ => {}
            }
        }
    }
}

/// Commands in the order they came.
#[derive(Default)]
pub(super) struct Line {
    pub(super) waiting: Vec<Pending>,
    answered: Vec<(Pending, Answer)>,
}

impl From<Vec<Pending>> for Line {
    fn from(waiting: Vec<Pending>) -> Self {
        Self { waiting, answered: Vec::new() }
    }
}

impl Line {
    /// Turns down whatever was decided on what is not in the log.
    pub(super) fn without_fallen(pending: Vec<Pending>) -> Vec<Pending> {
        let mut line = Self::default();
        for pending in pending {
            match pending.has_fallen() {
                true => line.answer(pending, FALLEN),
                false => line.waiting.push(pending),
            }
        }
        line.deliver()
    }

    /// All from the front was appended.
    pub(super) fn appended(&mut self, verdicts: Vec<Verdict>) {
        let wave: Vec<Pending> = self.waiting.drain(..verdicts.len()).collect();
        for (pending, verdict) in wave.into_iter().zip(verdicts) {
            self.answer(pending, Ok(verdict));
        }
    }

    /// Nobody knows what became of so many from the front.
    pub(super) fn fail(&mut self, size: usize, error: &AppendError) {
        let wave: Vec<Pending> = self.waiting.drain(..size).collect();
        for pending in wave {
            self.answer(pending, Err(error.clone()));
        }
    }

    /// Some of those sent from the front cannot be appended, so nothing was. Answers those of which that is
    /// sure and whatever follows them on the same streams; returns how many of the others to send
    /// together at most.
    pub(super) fn turn_down(&mut self, mut verdicts: BTreeMap<usize, Verdict>) -> usize {
        let (mut standing, mut fallen) = (Standing::default(), Fallen::default());
        let mut unsure = None;
        for (at, pending) in std::mem::take(&mut self.waiting).into_iter().enumerate() {
            let append = &pending.command.append;
            let verdict = verdicts.remove(&at);
            let known = matches!(
                verdict,
                Some(Verdict::Duplicate(_) | Verdict::Recovered(_) | Verdict::Mismatch)
            );
            let verdict = match fallen.under(append) {
                Some(conflict) if !known => Some(conflict),
                _ => verdict,
            };
            match verdict {
                Some(verdict) if standing.is_sure(append, &verdict) => {
                    fallen.add(append, &verdict);
                    self.answer(pending, Ok(verdict));
                }
                verdict => {
                    if verdict.is_some() {
                        unsure.get_or_insert(self.waiting.len());
                    }
                    standing.add(append);
                    self.waiting.push(pending);
                }
            }
        }
        unsure.unwrap_or(BATCH_MAX)
    }

    fn answer(&mut self, pending: Pending, answer: Answer) {
        pending.take_note(&answer);
        self.answered.push((pending, answer));
    }

    /// Hands out the answers; returns those who still wait.
    pub(super) fn deliver(self) -> Vec<Pending> {
        for (pending, answer) in self.answered {
            match &answer {
                Ok(Verdict::Duplicate(_)) => {
                    counter!("daybook_append_duplicates_total").increment(1);
                }
                Ok(Verdict::Conflict { .. } | Verdict::GuardFailed { .. }) => {
                    counter!("daybook_append_conflicts_total").increment(1);
                }
                _ => {}
            }
            // A caller that no longer waits does not need its verdict.
            let _ = pending.answer.send(answer);
        }
        self.waiting
    }
}

/// Streams that are not what those behind in the line take them for, even where somebody else's
/// events have brought them to the sequence that is expected; and where they are.
#[derive(Default)]
struct Fallen {
    streams: HashMap<StreamId, i64>,
}

impl Fallen {
    /// A command whose events are not in the log where it would have put them.
    fn add(&mut self, append: &Append, verdict: &Verdict) {
        let current = match verdict {
            Verdict::Duplicate(stored) | Verdict::Recovered(stored) => {
                let in_place = append
                    .writes
                    .iter()
                    .any(|write| write.stream == stored.stream && write.after() == stored.sequence);
                if stored.appended && in_place {
                    return;
                }
                Some(stored.sequence)
            }
            Verdict::Conflict { current } => Some(*current),
            _ => None,
        };
        for write in append.writes.iter().filter(|write| !write.events.is_empty()) {
            self.streams.insert(write.stream.clone(), current.unwrap_or(write.expected));
        }
    }

    fn under(&self, append: &Append) -> Option<Verdict> {
        if self.streams.is_empty() {
            return None;
        }
        let own = append.writes.iter().find_map(|write| self.streams.get(&write.stream));
        let fact = || append.guards.iter().find(|guard| self.streams.contains_key(&guard.stream));
        own.map(|current| Verdict::Conflict { current: *current }).or_else(|| {
            fact().map(|guard| Verdict::GuardFailed { stream: guard.stream.to_string() })
        })
    }
}
