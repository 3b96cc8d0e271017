//! Comments for tests.

use super::{Command, Event, Remark};
use crate::{
    AccountId, Personal,
    samples::{ada, at, comment, middlemarch, text},
};

pub fn remark(author: AccountId, words: &str) -> Personal<Remark> {
    Personal::new(author, text(words))
}

pub fn post(words: &str) -> Command {
    let (item, text) = (middlemarch().into(), remark(ada(), words));
    Command::Post { comment: comment(1), item, author: ada(), text, at: at(0) }
}

pub fn edit(by: AccountId, words: &str) -> Command {
    Command::Edit { comment: comment(1), by, text: remark(by, words), at: at(1) }
}

pub fn delete(by: AccountId, as_operator: bool) -> Command {
    Command::Delete { comment: comment(1), by, as_operator, at: at(2) }
}

pub fn posted(words: &str) -> Event {
    let (item, text) = (middlemarch().into(), remark(ada(), words));
    Event::CommentPosted { comment: comment(1), item, author: ada(), text, at: at(0) }
}

pub fn edited(words: &str) -> Event {
    let (item, text) = (middlemarch().into(), remark(ada(), words));
    Event::CommentEdited { comment: comment(1), item, author: ada(), text, at: at(1) }
}

pub fn deleted(by: AccountId) -> Event {
    let item = middlemarch().into();
    Event::CommentDeleted { comment: comment(1), item, author: ada(), by, at: at(2) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    vec![posted("Dorothea!"), edited("Poor Dorothea!"), deleted(ada())]
}
