use cqrs_es::{
    DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};

use super::samples::{beside, events, fit, offer, offer_without_them, rejected, trained};
use super::{Event, Model};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Model> {
    TestFramework::with(()).given(history.into())
}

#[test]
fn the_first_fit_serves_however_it_did() {
    given([]).when(offer(fit(10, None))).then_expect_events(vec![trained(fit(10, None))]);
}

#[test]
fn a_later_fit_serves_unless_it_does_clearly_worse_on_the_same_people() {
    let serving = fit(10, Some(0.9));
    for next in [
        beside(fit(20, Some(0.3)), 0.25),
        beside(fit(20, Some(0.2)), 0.25),
        // Nobody knows how those that serve do: they are lost, or there are too few people.
        fit(20, Some(0.1)),
        fit(20, None),
    ] {
        given([trained(serving.clone())])
            .when(offer(next.clone()))
            .then_expect_events(vec![trained(next)]);
    }
    let bad = beside(fit(20, Some(0.1)), 0.25);
    let turned_down = rejected(bad.clone(), &serving);
    given([trained(serving.clone())])
        .when(offer(bad.clone()))
        .then_expect_events(vec![turned_down.clone()]);
    // What was rejected is no measure for the next one.
    let next = beside(fit(30, Some(0.2)), 0.25);
    given([trained(serving), turned_down])
        .when(offer(next.clone()))
        .then_expect_events(vec![trained(next)]);
}

#[test]
fn however_a_day_s_people_differ_what_served_on_another_day_is_no_measure() {
    let easy_day = fit(10, Some(0.9));
    let hard_day = beside(fit(20, Some(0.2)), 0.1);
    given([trained(easy_day)])
        .when(offer(hard_day.clone()))
        .then_expect_events(vec![trained(hard_day)]);
}

#[test]
fn a_fit_without_somebody_erased_serves_however_it_does() {
    let serving = fit(10, Some(0.25));
    let worse = beside(fit(20, Some(0.0)), 0.25);
    let same = super::Fit { model_hash: serving.model_hash.clone(), ..fit(20, Some(0.25)) };
    for next in [worse, same] {
        given([trained(serving.clone())])
            .when(offer_without_them(next.clone()))
            .then_expect_events(vec![trained(next)]);
    }
    // Another one without them was faster.
    given([trained(serving)]).when(offer_without_them(fit(10, None))).then_expect_events(vec![]);
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
