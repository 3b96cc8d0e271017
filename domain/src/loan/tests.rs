use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::{
    Aggregate, DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};
use proptest::{collection::vec, prelude::*};

use super::samples::{borrow, borrowed, copies_set, events, give_back, returned, set_copies};
use super::{Command, Copies, CopySet, Event, LOAN_DAYS, Refusal};
use crate::samples::{ada, at, bob, middlemarch, uuid};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<CopySet> {
    TestFramework::with(()).given(history.into())
}

#[test]
fn copies_are_counted_and_the_same_number_again_changes_nothing() {
    given([]).when(set_copies(3)).then_expect_events(vec![copies_set(0, 3)]);
    given([copies_set(0, 3)]).when(set_copies(2)).then_expect_events(vec![copies_set(3, 2)]);
    given([copies_set(0, 3)]).when(set_copies(3)).then_expect_events(vec![]);
    given([]).when(set_copies(0)).then_expect_events(vec![]);
}

#[test]
fn there_are_never_fewer_copies_than_are_out() {
    let history = || given([copies_set(0, 3), borrowed(ada()), borrowed(bob())]);
    history().when(set_copies(2)).then_expect_events(vec![copies_set(3, 2)]);
    history().when(set_copies(1)).then_expect_error(Refusal::CopiesOut { out: 2 });
    history().when(set_copies(0)).then_expect_error(Refusal::CopiesOut { out: 2 });
}

#[test]
fn a_copy_is_borrowed_while_there_is_one() {
    given([copies_set(0, 1)]).when(borrow(ada())).then_expect_events(vec![borrowed(ada())]);
    given([copies_set(0, 1), borrowed(ada())])
        .when(borrow(bob()))
        .then_expect_error(Refusal::NoCopyLeft);
    given([copies_set(0, 1), borrowed(ada()), returned(ada())])
        .when(borrow(bob()))
        .then_expect_events(vec![borrowed(bob())]);
}

#[test]
fn a_book_without_copies_is_not_lent() {
    given([]).when(borrow(ada())).then_expect_error(Refusal::NoCopyLeft);
}

#[test]
fn a_reader_has_one_copy_and_asking_again_does_not_prolong_it() {
    let history = || given([copies_set(0, 5), borrowed(ada())]);
    history().when(borrow(ada())).then_expect_events(vec![]);
    let later = Command::Borrow { book: middlemarch(), reader: ada(), at: at(86_400) };
    history().when(later).then_expect_events(vec![]);
    given([copies_set(0, 1), borrowed(ada())]).when(borrow(ada())).then_expect_events(vec![]);
}

#[test]
fn only_who_borrowed_returns_and_only_once() {
    let out = [copies_set(0, 1), borrowed(ada())];
    given(out.clone()).when(give_back(ada())).then_expect_events(vec![returned(ada())]);
    given(out.clone()).when(give_back(bob())).then_expect_error(Refusal::NotBorrowed);
    let [set, borrowed] = out;
    given([set, borrowed, returned(ada())])
        .when(give_back(ada()))
        .then_expect_error(Refusal::NotBorrowed);
}

#[test]
fn a_copy_is_due_at_the_end_of_a_day_and_never_before_the_days_are_over() {
    for second in [-43_200, 0, 43_199] {
        let at = at(second);
        let command = Command::Borrow { book: middlemarch(), reader: ada(), at };
        let due_at = super::samples::due_at();
        given([copies_set(0, 1)]).when(command).then_expect_events(vec![Event::BookBorrowed {
            book: middlemarch(),
            reader: ada(),
            due_at,
            at,
        }]);
        assert!(due_at - at > TimeDelta::days(LOAN_DAYS as i64));
    }
}

#[test]
fn at_the_end_of_all_days_nothing_is_due_any_more() {
    let at = DateTime::<Utc>::MAX_UTC;
    let command = Command::Borrow { book: middlemarch(), reader: ada(), at };
    let borrowed = Event::BookBorrowed { book: middlemarch(), reader: ada(), due_at: at, at };
    given([copies_set(0, 1)]).when(command).then_expect_events(vec![borrowed]);
}

#[test]
fn copies_have_a_range() {
    assert!([0, 1, Copies::MAX].into_iter().all(|number| Copies::try_from(number).is_ok()));
    assert!(Copies::try_from(Copies::MAX + 1).is_err());
}

fn any_command() -> impl Strategy<Value = Command> {
    let reader = || (0..6_u128).prop_map(|number| uuid(number).into());
    prop_oneof![
        1 => (0..5_u32).prop_map(set_copies),
        5 => reader().prop_map(borrow),
        3 => reader().prop_map(give_back),
    ]
}

proptest! {
    /// Kept twice: by the state, and by adding the events up again as a projection does.
    #[test]
    fn never_more_are_out_than_there_are(commands in vec(any_command(), 0..80)) {
        let mut set = CopySet::default();
        let (mut copies, mut out) = (0_i64, BTreeSet::new());
        for command in commands {
            for event in set.decide(command).unwrap_or_default() {
                match &event {
                    Event::CopiesSet { from, to, .. } => {
                        copies += i64::from(*to) - i64::from(*from);
                    }
                    Event::BookBorrowed { reader, .. } => prop_assert!(out.insert(*reader)),
                    Event::BookReturned { reader, .. } => prop_assert!(out.remove(reader)),
                }
                set.apply(event);
                prop_assert!(set.out() <= set.copies().get());
                prop_assert_eq!((i64::from(set.copies()), set.out() as usize), (copies, out.len()));
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
