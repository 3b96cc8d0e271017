use domain::samples::{at, lantern, order, quantity};
use domain::stock::{Event, Level, Stock};
use serde_json::json;

use super::{History, rows};
use crate::stock::StockLevels;

#[tokio::test]
async fn levels_are_those_after_the_last_movement() {
    let product = lantern();
    let level = |on_hand, reserved| Level { on_hand, reserved };
    let (order, at) = (order(1), at(0));
    let history = History::default().with::<Stock>(
        product,
        [
            Event::ReorderLevelSet { product, from: None, to: Some(5), at },
            Event::StockReceived {
                product,
                quantity: quantity(10),
                reason: None,
                level: level(10, 0),
                at,
            },
            Event::StockReserved { product, order, quantity: quantity(6), level: level(10, 6), at },
            Event::StockRanLow { product, reorder_level: 5, level: level(10, 6), at },
            Event::ReservationRefused {
                product,
                order,
                quantity: quantity(6),
                level: level(10, 6),
                at,
            },
            Event::StockShipped { product, order, quantity: quantity(6), level: level(4, 0), at },
            Event::StockAdjusted { product, by: -1, reason: None, level: level(3, 0), at },
        ],
    );
    let tables = rows(&StockLevels, &history).await;
    let row = &tables["stock_levels"][0];
    assert_eq!((&row["on_hand"], &row["reserved"]), (&json!(3), &json!(0)));
    assert_eq!((&row["reorder_level"], &row["sequence"]), (&json!(5), &json!(7)));
    let mut movements = tables["stock_movements"].clone();
    movements.sort_by_key(|row| row["position"].as_i64());
    let names: Vec<_> = movements.iter().filter_map(|row| row["movement"].as_str()).collect();
    assert_eq!(names, ["received", "reserved", "refused", "shipped", "adjusted"]);
}
