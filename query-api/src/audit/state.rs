//! An aggregate as it was: its events applied again, by type.

use cqrs_es::Aggregate;
use domain::account::Account;
use domain::book::Book;
use domain::cart::Cart;
use domain::comment::Comment;
use domain::conversation::Conversation;
use domain::course::Course;
use domain::dismissal::Dismissal;
use domain::enrollment::Enrollment;
use domain::export::PersonalExport;
use domain::file::Files;
use domain::follow::Follow;
use domain::fulfilment::Fulfilment;
use domain::like::Like;
use domain::loan::CopySet;
use domain::model::Model;
use domain::notification::Notification;
use domain::operators::Operators;
use domain::order::Order;
use domain::process::Process;
use domain::product::Product;
use domain::projection::Projection;
use domain::publication::Publication;
use domain::rating::Rating;
use domain::shelf::Shelf;
use domain::stock::Stock;
use domain::weekly::Weekly;
use eventstore::RecordedEvent;
use serde_json::Value;
use service_kit::Problem;

/// The state after these events; null before the first. 404 for a type that no code of ours
/// understands, such as an adopted one.
pub(super) fn replay(aggregate_type: &str, events: &[RecordedEvent]) -> Result<Value, Problem> {
    let replay = match aggregate_type {
        Account::TYPE => of::<Account>,
        Book::TYPE => of::<Book>,
        Cart::TYPE => of::<Cart>,
        Comment::TYPE => of::<Comment>,
        Conversation::TYPE => of::<Conversation>,
        Course::TYPE => of::<Course>,
        Dismissal::TYPE => of::<Dismissal>,
        Enrollment::TYPE => of::<Enrollment>,
        Files::TYPE => of::<Files>,
        PersonalExport::TYPE => of::<PersonalExport>,
        Follow::TYPE => of::<Follow>,
        Fulfilment::TYPE => of::<Fulfilment>,
        CopySet::TYPE => of::<CopySet>,
        Like::TYPE => of::<Like>,
        Model::TYPE => of::<Model>,
        Notification::TYPE => of::<Notification>,
        Operators::TYPE => of::<Operators>,
        Order::TYPE => of::<Order>,
        Process::TYPE => of::<Process>,
        Product::TYPE => of::<Product>,
        Projection::TYPE => of::<Projection>,
        Publication::TYPE => of::<Publication>,
        Rating::TYPE => of::<Rating>,
        Shelf::TYPE => of::<Shelf>,
        Stock::TYPE => of::<Stock>,
        Weekly::TYPE => of::<Weekly>,
        other => {
            let detail = format!("no aggregate has the type {other}: its events can only be read");
            return Err(Problem::not_found("aggregate-unknown", detail));
        }
    };
    replay(events)
}

fn of<A: Aggregate>(events: &[RecordedEvent]) -> Result<Value, Problem> {
    if events.is_empty() {
        return Ok(Value::Null);
    }
    let mut state = A::default();
    for event in events {
        state.apply(event.decode::<A::Event>().map_err(Problem::internal)?);
    }
    serde_json::to_value(state).map_err(Problem::internal)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn everything_auditors_can_find_can_be_seen_as_it_was() {
        let index = projections::all();
        let index = index.iter().find(|projection| projection.name() == "audit_index").unwrap();
        for aggregate_type in index.sources() {
            assert_eq!(replay(aggregate_type, &[]).unwrap(), Value::Null, "{aggregate_type}");
        }
    }

    #[test]
    fn everything_auditors_can_find_is_described_to_consumers() {
        let index = projections::all();
        let index = index.iter().find(|projection| projection.name() == "audit_index").unwrap();
        let wire = domain::wire("/");
        for aggregate_type in index.sources() {
            let is_its = |event: &domain::EventType| event.aggregate_type == *aggregate_type;
            assert!(wire.events.iter().any(is_its), "{aggregate_type} is not in domain::wire");
        }
    }
}
