use cqrs_es::{
    DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};

use super::samples::{add, added, events, remove, removed};
use super::{Event, Shelf};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Shelf> {
    TestFramework::with(()).given(history.into())
}

#[test]
fn an_item_is_added_once() {
    given([]).when(add()).then_expect_events(vec![added()]);
    given([added()]).when(add()).then_expect_events(vec![]);
}

#[test]
fn an_item_is_removed_once_and_may_come_back() {
    given([]).when(remove()).then_expect_events(vec![]);
    given([added()]).when(remove()).then_expect_events(vec![removed()]);
    given([added(), removed()]).when(remove()).then_expect_events(vec![]);
    given([added(), removed()]).when(add()).then_expect_events(vec![added()]);
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
