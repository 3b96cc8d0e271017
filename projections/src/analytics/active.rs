//! Who did something, of what has no numbers of its own.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::AccountId;
use domain::cart::{self, Cart};
use domain::comment::{self, Comment};
use domain::conversation::{self, Conversation};
use domain::dismissal::{self, Dismissal};
use domain::like::{self, Like};
use domain::loan::{self, CopySet};
use domain::shelf::{self, Shelf};
use eventstore::RecordedEvent;
use uuid::Uuid;

use crate::ProjectionError;

pub(super) fn active(
    event: &RecordedEvent,
) -> Result<Option<(AccountId, DateTime<Utc>)>, ProjectionError> {
    Ok(match event.stream.aggregate_type.as_str() {
        Comment::TYPE => Some(match event.decode()? {
            comment::Event::CommentPosted { author: by, at, .. }
            | comment::Event::CommentEdited { author: by, at, .. }
            | comment::Event::CommentDeleted { by, at, .. } => (by, at),
        }),
        Like::TYPE => Some(match event.decode()? {
            like::Event::Liked { like, at } | like::Event::Unliked { like, at } => {
                (like.reader, at)
            }
        }),
        Shelf::TYPE => Some(match event.decode()? {
            shelf::Event::FavouriteAdded { shelf, at }
            | shelf::Event::FavouriteRemoved { shelf, at } => (shelf.reader, at),
        }),
        Dismissal::TYPE => Some(match event.decode()? {
            dismissal::Event::RecommendationDismissed { dismissal, at }
            | dismissal::Event::DismissalTakenBack { dismissal, at } => (dismissal.reader, at),
        }),
        CopySet::TYPE => match event.decode()? {
            loan::Event::BookBorrowed { reader, at, .. } => Some((reader, at)),
            loan::Event::BookReturned { reader, at, .. } => {
                did(event, reader).then_some((reader, at))
            }
            loan::Event::CopiesSet { .. } => None,
        },
        Cart::TYPE => Some(match event.decode()? {
            cart::Event::ItemAdded { customer, at, .. }
            | cart::Event::QuantityChanged { customer, at, .. }
            | cart::Event::ItemRemoved { customer, at, .. }
            | cart::Event::CartCleared { customer, at, .. }
            | cart::Event::CheckedOut { customer, at, .. } => (customer, at),
        }),
        Conversation::TYPE => match event.decode()? {
            conversation::Event::QuestionAsked { asker, at, .. }
            | conversation::Event::AnswerRated { asker, at, .. } => Some((asker, at)),
            conversation::Event::AnswerGiven { .. } => None,
        },
        _ => None,
    })
}

/// Whether they did it themselves: not somebody else for them, nor a process. What is imported is told
/// by the import.
pub(super) fn did(event: &RecordedEvent, account: AccountId) -> bool {
    let metadata = event.metadata();
    match metadata.get("actor") {
        Some(actor) => match actor.parse::<Uuid>() {
            Ok(actor) => actor == account.uuid(),
            Err(_) => !actor.starts_with("process:"),
        },
        None => true,
    }
}
