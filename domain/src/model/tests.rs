use cqrs_es::{
    DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};

use super::samples::{events, fit, offer, rejected, trained};
use super::{Event, Model};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Model> {
    TestFramework::with(()).given(history.into())
}

#[test]
fn the_first_fit_serves_however_it_did() {
    given([]).when(offer(fit(10, None))).then_expect_events(vec![trained(fit(10, None))]);
}

#[test]
fn a_later_fit_serves_unless_it_does_clearly_worse() {
    let serving = fit(10, Some(0.25));
    for hit_rate in [Some(0.3), Some(0.2), None] {
        let next = fit(20, hit_rate);
        given([trained(serving.clone())])
            .when(offer(next.clone()))
            .then_expect_events(vec![trained(next)]);
    }
    let bad = fit(20, Some(0.1));
    let turned_down = rejected(bad.clone(), &serving);
    given([trained(serving.clone())])
        .when(offer(bad.clone()))
        .then_expect_events(vec![turned_down.clone()]);
    // What was rejected is no measure for the next one.
    let next = fit(30, Some(0.2));
    given([trained(serving), turned_down])
        .when(offer(next.clone()))
        .then_expect_events(vec![trained(next)]);
}

#[test]
fn a_fit_that_knows_no_more_changes_nothing() {
    let serving = fit(10, Some(0.25));
    for known in [fit(10, Some(0.5)), fit(9, Some(0.5))] {
        given([trained(serving.clone())]).when(offer(known)).then_expect_events(vec![]);
    }
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
