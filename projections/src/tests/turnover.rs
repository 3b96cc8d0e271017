use domain::samples::{at, lantern, order};
use domain::stock::samples::{adjusted, level, ran_low, received, reserved, shipped};
use domain::stock::{Event, Stock};
use serde_json::json;

use super::{History, rows};
use crate::turnover::Turnover;

#[tokio::test]
async fn what_came_and_went_is_added_up_by_the_day_it_happened_on() {
    let product = lantern();
    let quantity = domain::samples::quantity(7);
    // Recorded last, but of the day before.
    let earlier = Event::StockReceived {
        product,
        quantity,
        reason: None,
        level: level(13, 0),
        at: at(-86_400),
    };
    let history = History::default().with::<Stock>(
        product,
        [
            received(10, level(10, 0)),
            reserved(order(1), 3, level(10, 3)),
            ran_low(8, level(10, 3), 1),
            shipped(order(1), 3, level(7, 0)),
            adjusted(-1, level(6, 0)),
            earlier,
        ],
    );
    let days = &rows(&Turnover, &history).await["daily_stock"];
    let day = |day: &str| {
        let row = days.iter().find(|row| row["day"] == day).unwrap();
        ["received", "shipped", "adjusted"].map(|field| row[field].as_i64().unwrap())
    };
    assert_eq!((day("2026-03-01"), day("2026-02-28")), ([10, 3, -1], [7, 0, 0]));
    assert_eq!(days.len(), 2);
    assert_eq!(days[0]["product"], json!(product));
}
