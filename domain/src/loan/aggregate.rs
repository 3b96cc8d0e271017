use std::collections::BTreeSet;

use chrono::{DateTime, Days, NaiveTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Copies, Event};
use crate::{AccountId, Recorded};

/// How many whole days a reader may keep a copy, after the day it was borrowed.
pub const LOAN_DAYS: u64 = 21;

/// How many copies of a book there are, and who has one of them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct CopySet {
    copies: Copies,
    readers: BTreeSet<AccountId>,
}

/// Why a request was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("{out} copies are out: there cannot be fewer")]
    CopiesOut { out: u32 },
    #[error("no copy of this book is left")]
    NoCopyLeft,
    #[error("the reader has not borrowed this book")]
    NotBorrowed,
}

impl CopySet {
    pub const fn copies(&self) -> Copies {
        self.copies
    }

    /// How many copies are out.
    pub fn out(&self) -> u32 {
        self.readers.len() as u32
    }

    /// Every rule about the copies of a book, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        let out = self.out();
        match command {
            Command::SetCopies { copies, .. } if copies == self.copies => Ok(vec![]),
            Command::SetCopies { copies, .. } if copies.get() < out => {
                Err(Refusal::CopiesOut { out })
            }
            Command::SetCopies { book, copies: to, at } => {
                Ok(vec![Event::CopiesSet { book, from: self.copies, to, at }])
            }
            Command::Borrow { reader, .. } if self.readers.contains(&reader) => Ok(vec![]),
            Command::Borrow { .. } if out >= self.copies.get() => Err(Refusal::NoCopyLeft),
            Command::Borrow { book, reader, at } => {
                Ok(vec![Event::BookBorrowed { book, reader, due_at: due_at(at), at }])
            }
            Command::Return { book, reader, at } if self.readers.contains(&reader) => {
                Ok(vec![Event::BookReturned { book, reader, at }])
            }
            Command::Return { .. } => Err(Refusal::NotBorrowed),
        }
    }
}

/// The end of the last day. No calendar goes on for ever; at its end nothing is due any more.
fn due_at(borrowed_at: DateTime<Utc>) -> DateTime<Utc> {
    let late = borrowed_at.date_naive().checked_add_days(Days::new(LOAN_DAYS + 1));
    late.map_or(DateTime::<Utc>::MAX_UTC, |late| late.and_time(NaiveTime::MIN).and_utc())
}

impl Aggregate for CopySet {
    const TYPE: &'static str = "loan";
    type Command = Command;
    type Event = Event;
    type Error = Refusal;
    type Services = ();

    async fn handle(
        &mut self,
        command: Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::CopiesSet { to, .. } => self.copies = to,
            Event::BookBorrowed { reader, .. } => {
                self.readers.insert(reader);
            }
            Event::BookReturned { reader, .. } => {
                self.readers.remove(&reader);
            }
        }
    }
}

impl Recorded for CopySet {}
