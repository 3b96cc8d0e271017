use cqrs_es::DomainEvent;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};

use super::samples::{complete, completed, events, request, requested};
use super::{Event, PersonalExport, Refusal};
use crate::samples::at;

const HOUR: i64 = 3_600;

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<PersonalExport> {
    TestFramework::with(()).given(history.into())
}

#[test]
fn one_export_is_made_at_a_time() {
    given([]).when(request(1, 0)).then_expect_events(vec![requested(1, 0)]);
    given([requested(1, 0)]).when(request(2, 2 * HOUR)).then_expect_error(Refusal::Running);
    given([requested(1, 0)]).when(complete(1, 5)).then_expect_events(vec![completed(1, 5)]);
}

#[test]
fn one_is_begun_in_an_hour() {
    let again_at = at(HOUR);
    given([requested(1, 0), completed(1, 5)])
        .when(request(2, HOUR - 1))
        .then_expect_error(Refusal::TooSoon { again_at });
    given([requested(1, 0), completed(1, 5)])
        .when(request(2, HOUR))
        .then_expect_events(vec![requested(2, HOUR)]);
}

#[test]
fn one_that_never_ends_stands_in_nobodys_way_after_a_day() {
    given([requested(1, 0)])
        .when(request(2, 24 * HOUR))
        .then_expect_events(vec![requested(2, 24 * HOUR)]);
    given([requested(1, 0), requested(2, 24 * HOUR)])
        .when(complete(1, 25 * HOUR))
        .then_expect_events(vec![]);
}

#[test]
fn what_is_complete_is_not_completed_again() {
    given([requested(1, 0), completed(1, 5)]).when(complete(1, 9)).then_expect_events(vec![]);
    given([]).when(complete(1, 9)).then_expect_events(vec![]);
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
