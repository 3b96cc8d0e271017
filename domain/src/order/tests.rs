use cqrs_es::{
    Aggregate, DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};
use proptest::{collection::vec, prelude::*};

use super::samples::{
    cancel, cancelled, confirm, confirmed, deliver, delivered, events, line, lines, place, placed,
    reject, rejected, ship, shipped,
};
use super::{
    Command, Event, LINES_MAX, LINES_PER_EVENT_MAX, Line, Order, OrderNumber, Refusal, Status,
};
use crate::{
    Currency, Money, Quantity,
    product::Sku,
    samples::{ada, at, bob, lantern, order, pounds, product, quantity, text},
};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Order> {
    TestFramework::with(()).given(history.into())
}

fn wrong(status: Status) -> Refusal {
    Refusal::WrongStatus { status }
}

fn many(count: usize) -> Vec<Line> {
    (0..count).map(|index| line(product(index as u128), 1, pounds(1))).collect()
}

/// The order that comes of these commands.
fn replay(commands: impl IntoIterator<Item = Command>) -> (Order, Vec<Event>) {
    let (mut order, mut happened) = (Order::default(), vec![]);
    for command in commands {
        for event in order.decide(command).unwrap_or_default() {
            order.apply(event.clone());
            happened.push(event);
        }
    }
    (order, happened)
}

#[test]
fn an_order_is_placed_once_at_the_prices_given() {
    given([]).when(place(order(1), lines())).then_expect_events(vec![placed()]);
    given([placed()]).when(place(order(1), lines())).then_expect_error(Refusal::AlreadyPlaced);
}

#[test]
fn an_order_has_1_to_2000_lines() {
    given([]).when(place(order(1), vec![])).then_expect_error(Refusal::Empty);
    given([])
        .when(place(order(1), many(LINES_MAX + 1)))
        .then_expect_error(Refusal::TooManyLines { lines: LINES_MAX + 1 });
}

#[test]
fn a_long_order_is_told_in_several_events() {
    let lines = many(1_114);
    let (order, happened) = replay([place(order(1), lines.clone())]);
    assert_eq!(order.lines(), lines);
    assert_eq!(happened.len(), 1_114_usize.div_ceil(LINES_PER_EVENT_MAX));
    let mut told = vec![];
    for event in happened {
        match event {
            Event::OrderPlaced { lines, line_count, total, .. } => {
                assert_eq!((line_count, total), (1_114, pounds(1_114)));
                told.extend(lines);
            }
            Event::OrderLinesPlaced { first_line, lines, .. } => {
                assert_eq!(first_line as usize, told.len() + 1);
                told.extend(lines);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(told, lines);
}

#[test]
fn no_event_of_the_longest_order_exceeds_what_the_log_accepts() {
    let sku: Sku = text(&"\"".repeat(64));
    let longest = Line {
        product: lantern(),
        sku,
        name: text(&"\"".repeat(400)),
        quantity: quantity(1),
        unit_price: pounds(Money::MINOR_MAX / 2_000),
    };
    let lines =
        (0..LINES_MAX).map(|index| Line { product: product(index as u128), ..longest.clone() });
    let (_, happened) = replay([place(order(1), lines.collect())]);
    assert_eq!(happened.len(), 10);
    for event in happened {
        let bytes = serde_json::to_vec(&event).map(|bytes| bytes.len()).unwrap_or(usize::MAX);
        assert!(bytes < 256 * 1024, "{bytes}");
    }
}

#[test]
fn lines_share_a_currency_and_add_up() {
    let euros = Money::zero(Currency::EUR);
    given([])
        .when(place(order(1), vec![line(lantern(), 1, pounds(1)), line(lantern(), 1, euros)]))
        .then_expect_error(Refusal::MixedCurrencies);
    let dear = || line(lantern(), 2, pounds(Money::MINOR_MAX / 2));
    given([]).when(place(order(1), vec![dear(), dear()])).then_expect_error(Refusal::TotalTooLarge);
    let most = || line(lantern(), Quantity::MAX, pounds(1));
    given([])
        .when(place(order(1), vec![most(), most()]))
        .then_expect_error(Refusal::TooManyOfOne { product: lantern() });
}

#[test]
fn an_order_goes_from_pending_over_confirmed_and_shipped_to_delivered() {
    given([placed()]).when(confirm()).then_expect_events(vec![confirmed()]);
    given([placed(), confirmed()]).when(ship()).then_expect_events(vec![shipped()]);
    given([placed(), confirmed(), shipped()]).when(deliver()).then_expect_events(vec![delivered()]);
}

#[test]
fn saying_it_again_changes_nothing() {
    given([placed(), confirmed()]).when(confirm()).then_expect_events(vec![]);
    given([placed(), rejected()]).when(reject()).then_expect_events(vec![]);
    given([placed(), confirmed(), shipped()]).when(ship()).then_expect_events(vec![]);
    given([placed(), confirmed(), shipped(), delivered()])
        .when(deliver())
        .then_expect_events(vec![]);
    given([placed(), cancelled(Status::Pending)]).when(cancel(ada())).then_expect_events(vec![]);
}

#[test]
fn no_step_is_skipped() {
    given([placed()]).when(ship()).then_expect_error(wrong(Status::Pending));
    given([placed(), confirmed()]).when(deliver()).then_expect_error(wrong(Status::Confirmed));
    given([placed(), confirmed()]).when(reject()).then_expect_error(wrong(Status::Confirmed));
    given([placed(), rejected()]).when(confirm()).then_expect_error(wrong(Status::Rejected));
    given([]).when(confirm()).then_expect_error(Refusal::Unknown);
}

#[test]
fn a_customer_cancels_until_the_order_is_shipped() {
    given([placed()]).when(cancel(ada())).then_expect_events(vec![cancelled(Status::Pending)]);
    given([placed(), confirmed()])
        .when(cancel(ada()))
        .then_expect_events(vec![cancelled(Status::Confirmed)]);
    given([placed(), confirmed(), shipped()])
        .when(cancel(ada()))
        .then_expect_error(wrong(Status::Shipped));
    given([placed(), rejected()]).when(cancel(ada())).then_expect_error(wrong(Status::Rejected));
}

#[test]
fn nobody_cancels_the_order_of_another() {
    given([placed()]).when(cancel(bob())).then_expect_error(Refusal::NotTheCustomer);
}

#[test]
fn a_merchandiser_cancels_for_the_customer_under_the_same_rules() {
    let cancel =
        || Command::Cancel { order: order(1), by: bob(), as_merchandiser: true, at: at(4) };
    let cancelled_by = |event| match event {
        Event::OrderCancelled { order, customer, total, was, at, .. } => {
            Event::OrderCancelled { order, customer, total, was, by: bob(), at }
        }
        other => other,
    };
    given([placed(), confirmed()])
        .when(cancel())
        .then_expect_events(vec![cancelled_by(cancelled(Status::Confirmed))]);
    given([placed(), confirmed(), shipped()])
        .when(cancel())
        .then_expect_error(wrong(Status::Shipped));
}

#[test]
fn a_cancelled_order_cannot_be_confirmed() {
    given([placed(), cancelled(Status::Pending)])
        .when(confirm())
        .then_expect_error(wrong(Status::Cancelled));
}

#[test]
fn an_order_number_names_its_day() {
    let number: OrderNumber = text("ORD-20111209-000042");
    assert_eq!(number.to_string(), "ORD-20111209-000042");
    for wrong in [
        "ORD-20111309-000042",
        "ORD-20111209-42",
        "20111209-000042",
        "ORD-2011-12-09-000042",
        "ORD-+2011209-000042",
    ] {
        assert!(wrong.parse::<OrderNumber>().is_err(), "{wrong}");
    }
    assert!(OrderNumber::new(number.day(), 1_000_000).is_err());
}

fn any_step() -> impl Strategy<Value = Command> {
    prop_oneof![
        Just(confirm()),
        Just(reject()),
        Just(ship()),
        Just(deliver()),
        Just(cancel(ada())),
        Just(cancel(bob())),
    ]
}

proptest! {
    #[test]
    fn an_order_ends_at_most_one_way(steps in vec(any_step(), 0..30)) {
        let placing = std::iter::once(place(order(1), lines()));
        let (_, happened) = replay(placing.chain(steps));
        let count = |name: &str| happened.iter().filter(|event| event.event_type() == name).count();
        let endings = [count("OrderDelivered"), count("OrderRejected"), count("OrderCancelled")];
        prop_assert!(endings.iter().sum::<usize>() <= 1);
        prop_assert!(count("OrderShipped") <= count("OrderConfirmed"));
        prop_assert!(count("OrderDelivered") <= count("OrderShipped"));
        prop_assert!(count("OrderShipped") + count("OrderCancelled") <= 1);
    }

    #[test]
    fn the_total_is_the_sum_of_the_lines(parts in vec((1..1_000_u32, 0..100_000_i64), 1..300)) {
        let lines: Vec<Line> =
            parts.iter().map(|(pieces, price)| line(lantern(), *pieces, pounds(*price))).collect();
        let sum: i64 = parts.iter().map(|(pieces, price)| i64::from(*pieces) * price).sum();
        let (order, _) = replay([place(order(1), lines)]);
        prop_assert_eq!(order.total(), Some(pounds(sum)));
    }
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
