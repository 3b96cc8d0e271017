//! Items of a request: what `/{kind}/{id}/...` names.

use cqrs_es::Aggregate;
use domain::book::Book;
use domain::course::Course;
use domain::product::Product;
use domain::{ItemId, ItemKind};
use eventstore::Facts;
use service_kit::{Problem, Undecided};
use uuid::Uuid;

/// The item of a path such as `/books/<uuid>`.
pub fn of_path(plural: &str, id: Uuid) -> Result<ItemId, Problem> {
    match ItemKind::from_plural(plural) {
        Some(kind) => Ok(ItemId::new(kind, id)),
        None => Err(Problem::not_found("not-found", "items are books, courses and products")),
    }
}

/// Refuses what nobody added, or what was taken away since. Asks the log, since views may be behind.
///
/// A course counts from its publication on: before, only its instructor knows of it.
pub async fn must_exist<R>(facts: &Facts, item: ItemId) -> Result<(), Undecided<R>> {
    let exists = match item.kind {
        ItemKind::Book => facts.load::<Book>(item.id).await?.state.is_listed(),
        ItemKind::Course => facts.load::<Course>(item.id).await?.state.is_open(),
        ItemKind::Product => facts.load::<Product>(item.id).await?.state.is_on_sale(),
    };
    match exists {
        true => Ok(()),
        false => Err(Undecided::Unprepared(unknown(item))),
    }
}

pub fn unknown(item: ItemId) -> Problem {
    Problem::not_found("item-unknown", format!("there is no {} with this id", name(item.kind)))
}

const fn name(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Book => Book::TYPE,
        ItemKind::Course => Course::TYPE,
        ItemKind::Product => Product::TYPE,
    }
}
