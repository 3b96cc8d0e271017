use domain::fulfilment::{Fulfilment, samples};
use domain::order::{Event, Line, Order, OrderNumber, Reason, Status};
use domain::samples::{ada, at, order, pounds, product, quantity, text};
use serde_json::json;

use super::{History, rows};
use crate::order::Orders;

pub(super) fn line(number: u128) -> Line {
    Line {
        product: product(number),
        sku: text("85123A"),
        name: text("Hanging lantern"),
        quantity: quantity(2),
        unit_price: pounds(255),
    }
}

pub(super) fn placed(number: u128, lines: Vec<Line>) -> Event {
    Event::OrderPlaced {
        order: order(number),
        number: OrderNumber::new(at(0).date_naive(), 1).unwrap(),
        customer: ada(),
        line_count: u32::try_from(lines.len()).unwrap(),
        lines,
        total: pounds(510),
        at: at(0),
    }
}

pub(super) fn confirmed(number: u128) -> Event {
    let order = order(number);
    Event::OrderConfirmed { order, customer: ada(), total: pounds(510), at: at(1) }
}

pub(super) fn cancelled(number: u128, was: Status) -> Event {
    let order = order(number);
    Event::OrderCancelled { order, customer: ada(), total: pounds(510), was, by: ada(), at: at(2) }
}

#[tokio::test]
async fn an_order_has_its_lines_and_its_timeline() {
    let more = Event::OrderLinesPlaced {
        order: order(1),
        customer: ada(),
        first_line: 2,
        lines: vec![line(2)],
        at: at(0),
    };
    let rejected = Event::OrderRejected {
        order: order(2),
        customer: ada(),
        total: pounds(510),
        reason: Reason::OutOfStock { short: vec![] },
        at: at(1),
    };
    let history = History::default()
        .with::<Order>(order(1), [placed(1, vec![line(1)]), more, confirmed(1)])
        .with::<Order>(order(2), [placed(2, vec![line(1)]), rejected])
        .with::<Order>(order(1), [cancelled(1, Status::Confirmed)]);
    let tables = rows(&Orders, &history).await;
    let of = |table: &str| -> Vec<_> {
        tables[table].iter().filter(|row| row["order_id"] == json!(order(1))).cloned().collect()
    };
    assert_eq!(of("orders")[0]["status"], json!("CANCELLED"));
    assert_eq!(of("orders")[0]["sequence"], json!(4));
    let lines: Vec<_> = of("order_lines").iter().map(|row| row["product"].clone()).collect();
    assert_eq!(lines, [json!(product(1)), json!(product(2))]);
    let mut steps = of("order_timeline");
    steps.sort_by_key(|row| row["position"].as_i64());
    let steps: Vec<_> = steps.iter().filter_map(|row| row["status"].as_str()).collect();
    assert_eq!(steps, ["PENDING", "CONFIRMED", "CANCELLED"]);
    let rejected = tables["orders"].iter().find(|row| row["status"] == "REJECTED").unwrap();
    assert_eq!(rejected["reason"]["code"], json!("out-of-stock"));
}

#[tokio::test]
async fn the_timeline_tells_of_the_payment_and_the_order_stays_what_it_was() {
    let history =
        History::default().with::<Order>(order(1), [placed(1, vec![line(1)])]).with::<Fulfilment>(
            order(1),
            [
                samples::started(1),
                samples::requested(),
                samples::failed(1),
                samples::given_up(),
                samples::refunded(),
            ],
        );
    let tables = rows(&Orders, &history).await;
    let mut steps = tables["order_timeline"].clone();
    steps.sort_by_key(|row| row["position"].as_i64());
    let told: Vec<_> = steps.iter().map(|row| (&row["status"], &row["payment"])).collect();
    let pending = json!("PENDING");
    let payments =
        [json!(null), json!("REQUESTED"), json!("FAILED"), json!("GIVEN_UP"), json!("REFUNDED")];
    assert_eq!(told, payments.iter().map(|payment| (&pending, payment)).collect::<Vec<_>>());
    assert_eq!(steps[2]["detail"], json!("the card has expired"));
    assert_eq!(tables["orders"][0]["sequence"], json!(1));
}
