use cqrs_es::{
    DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};

use super::samples::{dismiss, dismissed, events, take_back, taken_back};
use super::{Dismissal, Event};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Dismissal> {
    TestFramework::with(()).given(history.into())
}

#[test]
fn an_item_is_dismissed_once() {
    given([]).when(dismiss()).then_expect_events(vec![dismissed()]);
    given([dismissed()]).when(dismiss()).then_expect_events(vec![]);
}

#[test]
fn a_dismissal_is_taken_back_once_and_may_be_said_again() {
    given([]).when(take_back()).then_expect_events(vec![]);
    given([dismissed()]).when(take_back()).then_expect_events(vec![taken_back()]);
    given([dismissed(), taken_back()]).when(take_back()).then_expect_events(vec![]);
    given([dismissed(), taken_back()]).when(dismiss()).then_expect_events(vec![dismissed()]);
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
