use std::collections::BTreeMap;

use cqrs_es::{
    Aggregate, DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};
use proptest::{collection::vec, prelude::*};

use super::samples::{
    adjust, adjusted, events, level, ran_low, receive, received, refused, release, released,
    reorder_level_set, reserve, reserved, set_reorder_level, ship, shipped,
};
use super::{Command, Event, ON_HAND_MAX, Refusal, Stock};
use crate::samples::{order, quantity};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Stock> {
    TestFramework::with(()).given(history.into())
}

fn ten() -> Event {
    received(10, level(10, 0))
}

#[test]
fn stock_is_received() {
    given([]).when(receive(10)).then_expect_events(vec![ten()]);
    given([ten()]).when(receive(5)).then_expect_events(vec![received(5, level(15, 0))]);
}

#[test]
fn stock_is_adjusted_but_never_below_what_is_promised() {
    let history = || given([ten(), reserved(order(1), 4, level(10, 4))]);
    history().when(adjust(-6)).then_expect_events(vec![adjusted(-6, level(4, 4))]);
    history().when(adjust(-7)).then_expect_error(Refusal::NotThatMany { available: 6 });
    history().when(adjust(i64::MIN)).then_expect_error(Refusal::NotThatMany { available: 6 });
    history().when(adjust(0)).then_expect_error(Refusal::NothingToAdjust);
    history().when(adjust(ON_HAND_MAX)).then_expect_error(Refusal::TooMany);
    history().when(adjust(i64::MAX)).then_expect_error(Refusal::TooMany);
}

#[test]
fn an_order_reserves_what_is_available() {
    given([ten()]).when(reserve(order(1), 10)).then_expect_events(vec![reserved(
        order(1),
        10,
        level(10, 10),
    )]);
    given([ten(), reserved(order(1), 4, level(10, 4))])
        .when(reserve(order(2), 6))
        .then_expect_events(vec![reserved(order(2), 6, level(10, 10))]);
}

#[test]
fn too_little_is_said_and_nothing_is_reserved() {
    given([ten(), reserved(order(1), 4, level(10, 4))])
        .when(reserve(order(2), 7))
        .then_expect_events(vec![refused(order(2), 7, level(10, 4))]);
    given([]).when(reserve(order(1), 1)).then_expect_events(vec![refused(
        order(1),
        1,
        level(0, 0),
    )]);
}

#[test]
fn an_order_reserves_a_product_once() {
    let history = || given([ten(), reserved(order(1), 4, level(10, 4))]);
    history().when(reserve(order(1), 4)).then_expect_events(vec![]);
    history()
        .when(reserve(order(1), 5))
        .then_expect_error(Refusal::ReservedOtherwise { quantity: quantity(4) });
}

#[test]
fn a_reservation_is_released_once() {
    let history = [ten(), reserved(order(1), 4, level(10, 4))];
    given(history.clone()).when(release(order(1))).then_expect_events(vec![released(
        order(1),
        4,
        level(10, 0),
    )]);
    given(history).when(release(order(2))).then_expect_events(vec![]);
}

#[test]
fn what_was_reserved_is_shipped() {
    given([ten(), reserved(order(1), 4, level(10, 4))])
        .when(ship(order(1)))
        .then_expect_events(vec![shipped(order(1), 4, level(6, 0))]);
    given([ten()]).when(ship(order(1))).then_expect_error(Refusal::NothingReserved);
}

#[test]
fn running_low_is_said_once_per_crossing() {
    let low = || reorder_level_set(None, Some(5));
    given([ten(), low()])
        .when(reserve(order(1), 5))
        .then_expect_events(vec![reserved(order(1), 5, level(10, 5)), ran_low(5, level(10, 5), 1)]);
    let said = [ten(), low(), reserved(order(1), 5, level(10, 5)), ran_low(5, level(10, 5), 1)];
    given(said.clone()).when(reserve(order(2), 1)).then_expect_events(vec![reserved(
        order(2),
        1,
        level(10, 6),
    )]);
    let [a, b, c, d] = said;
    given([a, b, c, d, released(order(1), 5, level(10, 0))])
        .when(reserve(order(2), 6))
        .then_expect_events(vec![reserved(order(2), 6, level(10, 6)), ran_low(5, level(10, 6), 1)]);
}

#[test]
fn a_reorder_level_can_be_crossed_by_setting_it() {
    given([ten()])
        .when(set_reorder_level(Some(10)))
        .then_expect_events(vec![reorder_level_set(None, Some(10)), ran_low(10, level(10, 0), 0)]);
    given([ten(), reorder_level_set(None, Some(3))])
        .when(set_reorder_level(Some(3)))
        .then_expect_events(vec![]);
    given([ten(), reorder_level_set(None, Some(3))])
        .when(set_reorder_level(None))
        .then_expect_events(vec![reorder_level_set(Some(3), None)]);
}

fn any_command() -> impl Strategy<Value = Command> {
    let id = || (0..5_u128).prop_map(order);
    prop_oneof![
        2 => (1..20_u32).prop_map(receive),
        1 => (-20..20_i64).prop_map(adjust),
        6 => (id(), 1..12_u32).prop_map(|(id, pieces)| reserve(id, pieces)),
        2 => id().prop_map(release),
        2 => id().prop_map(ship),
        1 => proptest::option::of(0..10_u32).prop_map(set_reorder_level),
    ]
}

proptest! {
    /// Kept twice: by the level in every event, and by adding the movements up again.
    #[test]
    fn stock_is_never_negative_and_every_piece_is_accounted_for(
        commands in vec(any_command(), 0..80),
    ) {
        let mut stock = Stock::default();
        let (mut on_hand, mut promised) = (0_i64, BTreeMap::new());
        let (mut said_low, mut reorder_level) = (false, None);
        for command in commands {
            for event in stock.decide(command).unwrap_or_default() {
                match &event {
                    Event::StockReceived { quantity, .. } => on_hand += i64::from(*quantity),
                    Event::StockAdjusted { by, .. } => on_hand += by,
                    Event::StockReserved { order, quantity, .. } => {
                        prop_assert_eq!(promised.insert(*order, i64::from(*quantity)), None);
                    }
                    Event::ReservationReleased { order, .. } => {
                        prop_assert!(promised.remove(order).is_some());
                    }
                    Event::StockShipped { order, .. } => {
                        on_hand -= promised.remove(order).expect("shipped what was promised");
                    }
                    Event::ReservationRefused { quantity, level, .. } => {
                        prop_assert!(i64::from(*quantity) > level.available());
                    }
                    Event::ReorderLevelSet { to, .. } => reorder_level = *to,
                    Event::StockRanLow { .. } => {
                        prop_assert!(!said_low, "said once per crossing");
                        said_low = true;
                    }
                }
                stock.apply(event);
                let now = stock.level();
                prop_assert!(now.available() >= 0 && now.reserved >= 0);
                prop_assert_eq!(now.on_hand, on_hand);
                prop_assert_eq!(now.reserved, promised.values().sum::<i64>());
                if reorder_level.is_none_or(|least| now.available() > i64::from(least)) {
                    said_low = false;
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
