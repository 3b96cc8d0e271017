use cqrs_es::{
    Aggregate, DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};
use proptest::{collection::vec, prelude::*};

use super::samples::{
    cancel, cancelled, confirm, confirmed, decline, declined, events, fail, failed, give_up,
    given_up, needs, record, refund, refunded, refused, rejecting, rejecting_over, release,
    released, request, requested, reserved, ship, shipped, start, started, taken, took,
};
use super::{Command, Event, Fulfilment, Payment, Refusal, State};
use crate::order::Reason;
use crate::samples::product;

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Fulfilment> {
    TestFramework::with(()).given(history.into())
}

fn wrong(state: State) -> Refusal {
    Refusal::WrongState { state }
}

fn both() -> Event {
    reserved(vec![product(1), product(2)])
}

#[test]
fn it_starts_once_with_what_the_order_needs() {
    given([]).when(start(2)).then_expect_events(vec![started(2)]);
    given([started(2)]).when(start(2)).then_expect_events(vec![]);
    given([]).when(confirm()).then_expect_error(Refusal::NotStarted);
}

#[test]
fn answers_of_the_stock_are_kept_once() {
    given([started(2)])
        .when(record(vec![product(1)], vec![]))
        .then_expect_events(vec![reserved(vec![product(1)])]);
    given([started(2), reserved(vec![product(1)])])
        .when(record(vec![product(1), product(9)], vec![]))
        .then_expect_events(vec![]);
}

#[test]
fn it_confirms_when_everything_is_reserved() {
    given([started(2), both()]).when(confirm()).then_expect_events(vec![confirmed()]);
    given([started(2), both(), confirmed()]).when(confirm()).then_expect_events(vec![]);
    given([started(2), reserved(vec![product(1)])])
        .when(confirm())
        .then_expect_error(Refusal::NotAnswered);
}

#[test]
fn it_rejects_only_once_every_product_has_been_asked_for() {
    given([started(2)])
        .when(record(vec![], vec![product(2)]))
        .then_expect_events(vec![refused(vec![product(2)])]);
    given([started(2), refused(vec![product(2)])])
        .when(record(vec![product(1)], vec![]))
        .then_expect_events(vec![reserved(vec![product(1)]), rejecting(vec![product(2)])]);
}

#[test]
fn a_rejected_order_releases_what_was_reserved() {
    let rejected = [started(1), refused(vec![product(1)]), rejecting(vec![product(1)])];
    given(rejected.clone()).when(release()).then_expect_events(vec![released()]);
    given(rejected.clone()).when(confirm()).then_expect_error(wrong(State::Rejecting));
    given(rejected.clone()).when(cancel()).then_expect_events(vec![]);
    let [a, b, c] = rejected;
    given([a, b, c, released()]).when(release()).then_expect_events(vec![]);
}

#[test]
fn a_cancelled_order_releases_what_was_reserved() {
    given([started(2), both()]).when(cancel()).then_expect_events(vec![cancelled()]);
    given([started(2), both(), confirmed()]).when(cancel()).then_expect_events(vec![cancelled()]);
    given([started(2), both(), cancelled()]).when(release()).then_expect_events(vec![released()]);
    given([started(2), both(), confirmed()])
        .when(release())
        .then_expect_error(wrong(State::Confirmed));
}

/// Otherwise a reservation could come after the release and stay for ever.
#[test]
fn nothing_is_cancelled_before_every_product_has_been_asked_for() {
    given([started(2), reserved(vec![product(1)])])
        .when(cancel())
        .then_expect_error(Refusal::NotAnswered);
}

#[test]
fn a_confirmed_order_is_shipped_once() {
    given([started(2), both(), confirmed()]).when(ship()).then_expect_events(vec![shipped()]);
    given([started(2), both(), confirmed(), shipped()]).when(ship()).then_expect_events(vec![]);
    given([started(2), both()]).when(ship()).then_expect_error(wrong(State::Reserving));
    given([started(2), both(), confirmed(), shipped()])
        .when(cancel())
        .then_expect_error(wrong(State::Shipped));
}

#[test]
fn it_is_paid_once_everything_is_reserved() {
    given([started(2), reserved(vec![product(1)])])
        .when(request())
        .then_expect_error(Refusal::NotAnswered);
    given([started(2), both()]).when(request()).then_expect_events(vec![requested()]);
    given([started(2), both(), requested()]).when(request()).then_expect_events(vec![]);
    given([started(2), both(), requested()]).when(took()).then_expect_events(vec![taken()]);
    given([started(2), both(), requested(), taken()]).when(took()).then_expect_events(vec![]);
}

/// Whoever needs no payment never asks for one, and confirms as ever.
#[test]
fn what_was_asked_for_is_confirmed_only_once_it_is_paid() {
    given([started(2), both(), requested()]).when(confirm()).then_expect_error(Refusal::NotPaid);
    given([started(2), both(), requested(), taken()])
        .when(confirm())
        .then_expect_events(vec![confirmed()]);
}

#[test]
fn a_payment_that_is_declined_rejects_the_order_and_nothing_is_owed() {
    let declining = vec![declined(), rejecting_over(Reason::PaymentDeclined)];
    given([started(2), both(), requested(), failed(1)])
        .when(decline())
        .then_expect_events(declining.clone());
    let [no, rejecting] = <[Event; 2]>::try_from(declining).expect("these are two");
    given([started(2), both(), requested(), no, rejecting])
        .when(refund())
        .then_expect_events(vec![]);
}

#[test]
fn a_payment_that_is_given_up_may_have_been_taken_and_is_given_back() {
    let asked = [started(2), both(), requested()];
    let [a, b, c] = asked.clone();
    given(asked.clone()).when(fail()).then_expect_events(vec![failed(1)]);
    given([a, b, c, failed(1)]).when(fail()).then_expect_events(vec![failed(2)]);
    let rejecting = rejecting_over(Reason::PaymentUnavailable);
    let giving_up = vec![given_up(), rejecting.clone()];
    given(asked.clone()).when(give_up()).then_expect_events(giving_up);
    let [a, b, c] = asked;
    let over = [a, b, c, given_up(), rejecting];
    given(over.clone()).when(took()).then_expect_events(vec![]);
    given(over.clone()).when(refund()).then_expect_events(vec![refunded()]);
    let [a, b, c, d, e] = over;
    given([a, b, c, d, e, released(), refunded()]).when(refund()).then_expect_events(vec![]);
}

#[test]
fn nothing_is_owed_to_a_customer_whose_payment_nobody_was_asked_for() {
    let rejecting = rejecting_over(Reason::PaymentUnavailable);
    given([started(2), both()])
        .when(give_up())
        .then_expect_events(vec![given_up(), rejecting.clone()]);
    given([started(2), both(), given_up(), rejecting]).when(refund()).then_expect_events(vec![]);
}

#[test]
fn an_order_that_is_cancelled_after_it_was_paid_is_given_its_money_back() {
    let paid = [started(2), both(), requested(), taken(), confirmed()];
    given(paid.clone()).when(refund()).then_expect_events(vec![]);
    let [a, b, c, d, e] = paid;
    given([a, b, c, d, e, cancelled()]).when(refund()).then_expect_events(vec![refunded()]);
}

fn any_command() -> impl Strategy<Value = Command> {
    let products = || vec((1..=4_u128).prop_map(product), 0..3);
    prop_oneof![
        2 => Just(start(3)),
        6 => (products(), products()).prop_map(|(reserved, refused)| record(reserved, refused)),
        2 => Just(confirm()),
        2 => prop_oneof![Just(request()), Just(took()), Just(decline()), Just(fail())],
        1 => prop_oneof![Just(give_up()), Just(refund())],
        1 => Just(cancel()),
        1 => Just(release()),
        1 => Just(ship()),
    ]
}

proptest! {
    #[test]
    fn it_never_confirms_what_is_not_reserved_or_not_paid(commands in vec(any_command(), 0..40)) {
        let mut fulfilment = Fulfilment::default();
        for command in commands {
            for event in fulfilment.decide(command).unwrap_or_default() {
                fulfilment.apply(event);
                if matches!(fulfilment.state(), State::Confirmed | State::Shipped) {
                    prop_assert_eq!(fulfilment.reserved().len(), needs(3).len());
                    prop_assert!(fulfilment.short().is_empty());
                    let paid = matches!(fulfilment.payment(), Payment::NotAsked | Payment::Taken);
                    prop_assert!(paid);
                }
                if fulfilment.state() == State::Released {
                    prop_assert!(fulfilment.open().is_empty());
                }
            }
        }
    }
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
