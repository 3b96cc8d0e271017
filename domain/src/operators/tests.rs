use cqrs_es::{
    Aggregate, DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};
use proptest::{collection::vec, prelude::*};

use super::samples::{events, granted, revoked};
use super::{Command, Event, Operators, Refusal};
use crate::{
    AccountId,
    samples::{ada, at, bob, uuid},
};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Operators> {
    TestFramework::with(()).given(history.into())
}

fn grant(account: AccountId) -> Command {
    Command::Grant { account, at: at(0) }
}

fn revoke(account: AccountId) -> Command {
    Command::Revoke { account, at: at(1) }
}

#[test]
fn an_operator_is_made_once() {
    given([]).when(grant(ada())).then_expect_events(vec![granted(ada())]);
    given([granted(ada())]).when(grant(ada())).then_expect_events(vec![]);
}

#[test]
fn an_operator_is_demoted_while_another_is_left() {
    given([granted(ada()), granted(bob())])
        .when(revoke(ada()))
        .then_expect_events(vec![revoked(ada())]);
    given([granted(ada())]).when(revoke(bob())).then_expect_events(vec![]);
}

#[test]
fn the_last_operator_cannot_be_demoted() {
    given([granted(ada())]).when(revoke(ada())).then_expect_error(Refusal::LastOperator);
    given([granted(ada()), granted(bob()), revoked(bob())])
        .when(revoke(ada()))
        .then_expect_error(Refusal::LastOperator);
}

proptest! {
    #[test]
    fn once_there_is_an_operator_there_always_is_one(steps in vec((0..4_u128, any::<bool>()), 0..40)) {
        let mut operators = Operators::default();
        let first = grant(ada());
        let rest = steps.into_iter().map(|(who, make)| {
            let account = uuid(who).into();
            if make { grant(account) } else { revoke(account) }
        });
        for command in std::iter::once(first).chain(rest) {
            for event in operators.decide(command).unwrap_or_default() {
                operators.apply(event);
            }
            prop_assert!(!operators.accounts().is_empty());
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
