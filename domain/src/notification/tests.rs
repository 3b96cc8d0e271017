use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use cqrs_es::{Aggregate, DomainEvent};

use super::samples::{
    cancel, cancelled, events, failed, give_up, given_up, mark_failed, mark_sent, notification,
    request, requested, retried, retry, sent,
};
use super::{Event, Notification, NotificationId, NotificationIdError, Refusal};
use crate::ErrorText;

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Notification> {
    TestFramework::with(()).given(history.into())
}

#[test]
fn a_notification_is_requested_once() {
    given([]).when(request()).then_expect_events(vec![requested()]);
    given([requested()]).when(request()).then_expect_events(vec![]);
    given([requested(), sent(1)]).when(request()).then_expect_events(vec![]);
}

#[test]
fn attempts_are_counted() {
    given([requested()]).when(mark_failed()).then_expect_events(vec![failed(1)]);
    given([requested(), failed(1)]).when(mark_failed()).then_expect_events(vec![failed(2)]);
    given([requested(), failed(1)]).when(mark_sent()).then_expect_events(vec![sent(2)]);
    given([requested(), failed(1)]).when(give_up()).then_expect_events(vec![given_up(2)]);
}

#[test]
fn what_is_over_stays_as_it_is() {
    for over in [sent(1), given_up(1), cancelled()] {
        for command in [mark_sent(), mark_failed(), give_up(), cancel()] {
            given([requested(), over.clone()]).when(command).then_expect_events(vec![]);
        }
    }
}

#[test]
fn what_was_given_up_is_sent_anew_when_an_operator_wants_it_and_its_attempts_are_counted_on() {
    let given_up = || [requested(), failed(1), given_up(2)];
    given(given_up()).when(retry()).then_expect_events(vec![retried()]);
    let [first, second, third] = given_up();
    given([first, second, third, retried()])
        .when(mark_failed())
        .then_expect_events(vec![failed(3)]);
    let mut state = Notification::default();
    given_up().into_iter().chain([retried(), failed(3)]).for_each(|event| state.apply(event));
    assert_eq!((state.failed(), state.failed_lately()), (3, 1));
}

#[test]
fn nothing_else_is_sent_anew() {
    for history in [vec![], vec![failed(1)], vec![sent(1)], vec![given_up(1), retried()]] {
        let history = [vec![requested()], history].concat();
        TestFramework::<Notification>::with(())
            .given(history)
            .when(retry())
            .then_expect_error(Refusal::NotGivenUp);
    }
}

#[test]
fn nobody_is_written_to_any_more_who_is_gone() {
    given([requested()]).when(cancel()).then_expect_events(vec![cancelled()]);
}

#[test]
fn nothing_becomes_of_what_was_never_requested() {
    for command in [mark_sent(), mark_failed(), give_up(), retry(), cancel()] {
        given([]).when(command).then_expect_error(Refusal::NotRequested);
    }
}

#[test]
fn its_stream_is_named_by_cause_recipient_and_channel() {
    let name = notification().to_string();
    assert!(name.starts_with("7:") && name.ends_with(":email"), "{name}");
    assert_eq!(name.parse(), Ok(notification()));
    for wrong in ["", "7", "7:x:email", "7:01900000-0000-7000-8000-000000000ada:pigeon"] {
        assert_eq!(wrong.parse::<NotificationId>(), Err(NotificationIdError), "{wrong}");
    }
}

#[test]
fn an_error_is_cut_and_has_no_control_characters() {
    let error = ErrorText::from(format!("no\0\r\n{}", "x".repeat(1_000)));
    assert_eq!(error.as_str().chars().count(), 500);
    assert!(error.as_str().starts_with("nox"));
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
