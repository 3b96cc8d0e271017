use domain::order::{Event, Order, Status};
use domain::samples::{ada, at, order, pounds, product};
use serde_json::json;

use super::order::{cancelled, confirmed, line, placed};
use super::{History, rows};
use crate::sales::Sales;

#[tokio::test]
async fn a_product_is_sold_once_its_order_is_confirmed_and_no_more_when_it_is_cancelled() {
    let more = Event::OrderLinesPlaced {
        order: order(1),
        customer: ada(),
        first_line: 3,
        lines: vec![line(1)],
        at: at(0),
    };
    let shipped =
        Event::OrderShipped { order: order(1), customer: ada(), total: pounds(510), at: at(3) };
    let history = History::default()
        .with::<Order>(order(1), [placed(1, vec![line(1), line(2)]), more, confirmed(1), shipped])
        .with::<Order>(order(2), [placed(2, vec![line(1)]), confirmed(2)])
        .with::<Order>(order(3), [placed(3, vec![line(1)]), cancelled(3, Status::Pending)])
        .with::<Order>(order(4), [placed(4, vec![line(1)]), confirmed(4)])
        .with::<Order>(order(5), [placed(5, vec![line(1)])])
        .with::<Order>(order(4), [cancelled(4, Status::Confirmed)]);
    let tables = rows(&Sales, &history).await;
    let sold = |number| {
        let mut rows = tables["daily_sales"].iter();
        let row = rows.find(|row| row["product"] == json!(product(number))).unwrap();
        assert_eq!((&row["day"], &row["currency"]), (&json!("2026-03-01"), &json!("GBP")));
        ["orders", "units", "minor"].map(|field| row[field].as_i64().unwrap())
    };
    assert_eq!(sold(1), [2, 6, 1530], "both lines of the first order, and the second order");
    assert_eq!(sold(2), [1, 2, 510]);
    let open: Vec<_> = tables["open_sales"].iter().map(|row| &row["order_id"]).collect();
    assert_eq!(open.len(), 2, "what was shipped or cancelled changes no more");
    assert!(open.contains(&&json!(order(2))) && open.contains(&&json!(order(5))));
}
