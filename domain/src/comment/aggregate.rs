use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Command, Event, Remark};
use crate::{AccountId, CommentId, ItemId, Personal, Recorded};

/// Absent until posted, deleted for good.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Comment {
    #[default]
    Absent,
    Posted {
        author: AccountId,
        item: ItemId,
        /// Tells whether a text is the one that stands. Not the text: a cache of it would outlive
        /// the author's erasure. Never stored: a text could be guessed from it.
        #[serde(skip)]
        says: Option<Uuid>,
    },
    Deleted {
        author: AccountId,
    },
}

/// Why a request was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("there is no such comment")]
    Unknown,
    #[error("this comment has been posted already")]
    AlreadyPosted,
    #[error("this comment is somebody else's")]
    NotTheAuthor,
    #[error("this comment has been deleted")]
    Deleted,
}

impl Comment {
    pub const fn is_posted(&self) -> bool {
        matches!(self, Self::Posted { .. })
    }

    /// Every rule about comments: who may, then in which state, then what.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, self) {
            (Command::Post { comment, item, author, text, at }, Self::Absent) => {
                Ok(vec![Event::CommentPosted { comment, item, author, text, at }])
            }
            (Command::Post { .. }, _) => Err(Refusal::AlreadyPosted),
            (_, Self::Absent) => Err(Refusal::Unknown),
            (
                Command::Edit { by, .. } | Command::Delete { by, as_operator: false, .. },
                Self::Posted { author, .. } | Self::Deleted { author },
            ) if by != *author => Err(Refusal::NotTheAuthor),
            (Command::Edit { .. }, Self::Deleted { .. }) => Err(Refusal::Deleted),
            (Command::Delete { .. }, Self::Deleted { .. }) => Ok(vec![]),
            (Command::Edit { comment, text, .. }, Self::Posted { says, .. })
                if likeness(comment, &text) == *says =>
            {
                Ok(vec![])
            }
            (Command::Edit { comment, text, at, .. }, Self::Posted { author, item, .. }) => {
                let (author, item) = (*author, *item);
                Ok(vec![Event::CommentEdited { comment, item, author, text, at }])
            }
            (Command::Delete { comment, by, at, .. }, Self::Posted { author, item, .. }) => {
                let (author, item) = (*author, *item);
                Ok(vec![Event::CommentDeleted { comment, item, author, by, at }])
            }
        }
    }
}

/// The same for the same text of the same comment; none once nobody can read it any more.
fn likeness(comment: CommentId, text: &Personal<Remark>) -> Option<Uuid> {
    let known = text.known();
    known.map(|remark| Uuid::new_v5(&comment.uuid(), remark.as_str().as_bytes()))
}

impl Aggregate for Comment {
    const TYPE: &'static str = "comment";
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
            Event::CommentPosted { comment, item, author, text, .. }
            | Event::CommentEdited { comment, item, author, text, .. } => {
                Self::Posted { author, item, says: likeness(comment, &text) }
            }
            Event::CommentDeleted { author, .. } => Self::Deleted { author },
        };
    }
}

impl Recorded for Comment {}
