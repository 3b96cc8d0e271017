use cqrs_es::{
    DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};

use super::samples::{
    discard, discard_group, discarded, events, group, group_discarded, item_ratings, pause, paused,
    resume, resumed,
};
use super::{Command, Event, Projection};
use crate::samples::at;

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Projection> {
    TestFramework::with(()).given(history.into())
}

#[test]
fn a_projection_is_paused_and_resumed_once() {
    given([]).when(resume()).then_expect_events(vec![]);
    given([]).when(pause()).then_expect_events(vec![paused()]);
    given([paused()]).when(pause()).then_expect_events(vec![]);
    given([paused()]).when(resume()).then_expect_events(vec![resumed()]);
    given([paused(), resumed()]).when(pause()).then_expect_events(vec![paused()]);
}

#[test]
fn an_event_is_given_up_once() {
    given([]).when(discard(7)).then_expect_events(vec![discarded(7)]);
    given([discarded(7)]).when(discard(7)).then_expect_events(vec![]);
    given([discarded(7)]).when(discard(8)).then_expect_events(vec![discarded(8)]);
}

#[test]
fn of_events_that_failed_alike_those_are_given_up_that_were_not() {
    given([]).when(discard_group(&[7, 9])).then_expect_events(vec![group_discarded(&[7, 9])]);
    given([discarded(7)])
        .when(discard_group(&[7, 9]))
        .then_expect_events(vec![group_discarded(&[9])]);
    given([group_discarded(&[7, 9])]).when(discard_group(&[9])).then_expect_events(vec![]);
    given([group_discarded(&[7, 9])]).when(discard(9)).then_expect_events(vec![]);
}

#[test]
fn every_rebuild_every_comparison_and_every_retry_is_recorded() {
    let (projection, at) = (item_ratings(), at(0));
    let verify = Command::Verify { projection: projection.clone(), at };
    let asked = Event::ProjectionVerificationRequested { projection: projection.clone(), at };
    given([asked.clone()]).when(verify).then_expect_events(vec![asked]);
    let rebuild = Command::Rebuild { projection: projection.clone(), at };
    let rebuilt = Event::ProjectionRebuildRequested { projection: projection.clone(), at };
    given([rebuilt.clone()]).when(rebuild).then_expect_events(vec![rebuilt]);
    let retry = Command::RetryParked { projection: projection.clone(), events: 1, first: 7, at };
    let retried =
        Event::ParkedEventsRetried { projection: projection.clone(), events: 1, first: 7, at };
    given([retried.clone()]).when(retry).then_expect_events(vec![retried]);
    let (events, first, group) = (1, 7, group());
    let command = (projection.clone(), group.clone());
    let retry = Command::RetryGroup { projection: command.0, group: command.1, events, first, at };
    let retried = Event::ParkedGroupRetried { projection, group, events, first, at };
    given([retried.clone()]).when(retry).then_expect_events(vec![retried]);
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
