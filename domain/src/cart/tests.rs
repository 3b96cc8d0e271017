use cqrs_es::{
    Aggregate, DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};
use proptest::{collection::vec, prelude::*};

use super::samples::{
    added, changed, check_out, checked_out, clear, cleared, events, line, put, remove, removed,
};
use super::{Cart, Command, Event, Line, PRODUCTS_MAX, Pieces, Refusal};
use crate::samples::{lantern, product};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Cart> {
    TestFramework::with(()).given(history.into())
}

/// The cart that comes of these commands; those it refuses change nothing.
fn replay(commands: impl IntoIterator<Item = Command>) -> Cart {
    let mut cart = Cart::default();
    for command in commands {
        for event in cart.decide(command).unwrap_or_default() {
            cart.apply(event);
        }
    }
    cart
}

#[test]
fn quantities_are_set_and_not_added() {
    given([]).when(put(lantern(), 2)).then_expect_events(vec![added(lantern(), 2)]);
    given([added(lantern(), 2)]).when(put(lantern(), 3)).then_expect_events(vec![changed(
        lantern(),
        2,
        3,
    )]);
    given([added(lantern(), 2), changed(lantern(), 2, 3)])
        .when(put(lantern(), 3))
        .then_expect_events(vec![]);
}

#[test]
fn what_was_taken_out_may_come_back() {
    given([]).when(remove(lantern())).then_expect_events(vec![]);
    given([added(lantern(), 2)])
        .when(remove(lantern()))
        .then_expect_events(vec![removed(lantern(), 2)]);
    given([added(lantern(), 2), removed(lantern(), 2)])
        .when(put(lantern(), 2))
        .then_expect_events(vec![added(lantern(), 2)]);
}

#[test]
fn a_cleared_cart_is_empty() {
    given([]).when(clear()).then_expect_events(vec![]);
    let lines = vec![line(lantern(), 2), line(product(2), 1)];
    given([added(lantern(), 2), added(product(2), 1)])
        .when(clear())
        .then_expect_events(vec![cleared(lines.clone())]);
    given([added(lantern(), 2), added(product(2), 1), cleared(lines)])
        .when(clear())
        .then_expect_events(vec![]);
}

#[test]
fn a_cart_holds_200_products_and_999_of_each() {
    assert_eq!(Pieces::try_from(999).map(u32::from), Ok(999));
    for wrong in [0, 1_000, u32::MAX] {
        assert!(Pieces::try_from(wrong).is_err(), "{wrong}");
    }
    let full = (0..PRODUCTS_MAX).map(|number| added(product(number as u128), 1));
    let full: Vec<Event> = full.collect();
    let given = || TestFramework::<Cart>::with(()).given(full.clone());
    given().when(put(product(1_000), 1)).then_expect_error(Refusal::Full);
    given().when(put(product(0), 2)).then_expect_events(vec![changed(product(0), 1, 2)]);
}

#[test]
fn what_is_checked_out_must_be_in_the_cart() {
    let lines = vec![line(lantern(), 2)];
    given([]).when(check_out(vec![])).then_expect_error(Refusal::Empty);
    given([added(lantern(), 2)])
        .when(check_out(lines.clone()))
        .then_expect_events(vec![checked_out(lines.clone())]);
    let not_in_cart = Refusal::NotInCart { product: lantern() };
    given([]).when(check_out(lines.clone())).then_expect_error(not_in_cart);
    given([added(lantern(), 3)]).when(check_out(lines.clone())).then_expect_error(not_in_cart);
    given([added(lantern(), 2), checked_out(lines.clone())])
        .when(check_out(lines))
        .then_expect_error(not_in_cart);
}

#[test]
fn only_the_ordered_lines_leave_the_cart() {
    let cart = replay([
        put(lantern(), 2),
        put(product(2), 1),
        check_out(vec![line(lantern(), 2)]),
        put(product(3), 4),
    ]);
    assert_eq!(cart.lines(), [line(product(2), 1), line(product(3), 4)]);
}

/// 200 lines are far below the log's 256 KiB for an event.
#[test]
fn no_event_of_the_fullest_cart_exceeds_what_the_log_accepts() {
    let lines: Vec<Line> =
        (0..PRODUCTS_MAX).map(|number| line(product(number as u128), Pieces::MAX)).collect();
    for event in [cleared(lines.clone()), checked_out(lines)] {
        let bytes = serde_json::to_vec(&event).map(|bytes| bytes.len()).unwrap_or(usize::MAX);
        assert!(bytes < 32 * 1024, "{bytes}");
    }
}

fn any_command() -> impl Strategy<Value = Command> {
    let product = (0..4_u128).prop_map(product);
    prop_oneof![
        (product.clone(), 1..4_u32).prop_map(|(product, count)| put(product, count)),
        product.clone().prop_map(remove),
        Just(clear()),
        (product, 1..4_u32).prop_map(|(product, count)| check_out(vec![line(product, count)])),
    ]
}

proptest! {
    /// A client that never saw our reply will ask again; the log must not notice.
    #[test]
    fn asking_twice_records_once(history in vec(any_command(), 0..20), count in 1..999_u32) {
        let mut cart = replay(history);
        for event in cart.decide(put(lantern(), count)).unwrap_or_default() {
            cart.apply(event);
        }
        prop_assert_eq!(cart.decide(put(lantern(), count)), Ok(vec![]));
        prop_assert!(cart.lines().contains(&line(lantern(), count)));
    }

    #[test]
    fn no_product_has_two_lines(history in vec(any_command(), 0..40)) {
        let cart = replay(history);
        let lines = cart.lines();
        let twice = lines.iter().any(|line| {
            lines.iter().filter(|other| other.product == line.product).count() > 1
        });
        prop_assert!(!twice, "{:?}", lines);
    }

    #[test]
    fn what_is_ordered_whole_leaves_nothing_behind(history in vec(any_command(), 0..40)) {
        let mut cart = replay(history);
        let lines = cart.lines().to_vec();
        for event in cart.decide(check_out(lines)).unwrap_or_default() {
            cart.apply(event);
        }
        prop_assert!(cart.lines().is_empty());
    }
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
