use std::sync::Arc;

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Details, Event, Isbn};
use crate::{BookId, Claim, Recorded};

/// Absent, then in the catalogue, then withdrawn for good.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Book {
    #[default]
    Absent,
    Listed {
        details: Arc<Details>,
    },
    Withdrawn,
}

/// Why a request was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("there is no such book")]
    Unknown,
    #[error("this book is in the catalogue already")]
    AlreadyAdded,
    #[error("this book has been withdrawn")]
    Withdrawn,
}

impl Book {
    pub const fn is_listed(&self) -> bool {
        matches!(self, Self::Listed { .. })
    }

    /// Every rule about books, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, self) {
            (Command::Add { book, details, at }, Self::Absent) => {
                Ok(vec![Event::BookAdded { book, details, at }])
            }
            (Command::Add { .. }, _) => Err(Refusal::AlreadyAdded),
            (_, Self::Absent) => Err(Refusal::Unknown),
            (Command::Revise { book, revision, at }, Self::Listed { details: current }) => {
                let details = revision.of(current);
                if details == **current {
                    return Ok(vec![]);
                }
                Ok(vec![Event::BookRevised { book, details: Box::new(details), at }])
            }
            (Command::Withdraw { book, at }, Self::Listed { .. }) => {
                Ok(vec![Event::BookWithdrawn { book, at }])
            }
            (Command::Withdraw { .. }, Self::Withdrawn) => Ok(vec![]),
            (Command::Revise { .. }, Self::Withdrawn) => Err(Refusal::Withdrawn),
        }
    }
}

impl Aggregate for Book {
    const TYPE: &'static str = "book";
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
        *self = match event {
            Event::BookAdded { details, .. } | Event::BookRevised { details, .. } => {
                Self::Listed { details: details.into() }
            }
            Event::BookWithdrawn { .. } => Self::Withdrawn,
        };
    }
}

impl Recorded for Book {
    fn claims(event: &Event) -> Vec<Claim> {
        let take = |book: &BookId, isbn: Option<Isbn>| {
            isbn.map(|isbn| Claim::Unique {
                kind: "isbn",
                key: isbn.to_string(),
                holder: book.to_string(),
                personal: false,
            })
        };
        let release = |book: &BookId| Claim::Release { kind: "isbn", holder: book.to_string() };
        match event {
            Event::BookAdded { book, details, .. } => {
                take(book, details.isbn).into_iter().collect()
            }
            Event::BookRevised { book, details, .. } => {
                [release(book)].into_iter().chain(take(book, details.isbn)).collect()
            }
            Event::BookWithdrawn { book, .. } => vec![release(book)],
        }
    }
}
