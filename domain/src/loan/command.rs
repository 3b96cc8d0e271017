use chrono::{DateTime, Utc};

use super::Copies;
use crate::{AccountId, BookId};

/// What can be asked of the copies of a book.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    SetCopies { book: BookId, copies: Copies, at: DateTime<Utc> },
    Borrow { book: BookId, reader: AccountId, at: DateTime<Utc> },
    Return { book: BookId, reader: AccountId, at: DateTime<Utc> },
}
