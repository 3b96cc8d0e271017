use domain::cart::Cart;
use domain::cart::samples::{added, changed, checked_out, cleared, line, removed};
use domain::product::Product;
use domain::product::samples::{self as products, details, repriced};
use domain::samples::{ada, lantern, pounds, product};
use serde_json::{Value, json};

use super::{History, rows};
use crate::cart::Carts;

fn sold(number: u128, pence: i64) -> domain::product::Event {
    products::added(product(number), details(&number.to_string(), "Lamp"), pounds(pence))
}

fn with_products() -> History {
    History::default()
        .with::<Product>(lantern(), [sold(1, 339)])
        .with::<Product>(product(2), [sold(2, 500)])
}

/// Product, quantity and price of each line, in the order they were put in.
async fn lines(history: &History) -> Vec<(Value, i64, i64)> {
    let mut lines = rows(&Carts, history).await["cart_lines"].clone();
    lines.sort_by_key(|line| line["position"].as_i64());
    let number = |line: &Value, name: &str| line[name].as_i64().unwrap();
    let shown = |line: &Value| {
        (line["product"].clone(), number(line, "quantity"), number(line, "price_minor"))
    };
    lines.iter().map(shown).collect()
}

#[tokio::test]
async fn a_line_remembers_the_price_it_was_put_in_at() {
    let history = with_products()
        .with::<Cart>(ada(), [added(lantern(), 2)])
        .with::<Product>(lantern(), [repriced(lantern(), pounds(339), pounds(395))])
        .with::<Cart>(ada(), [changed(lantern(), 2, 3), added(product(2), 1)]);
    let expected = vec![(json!(lantern()), 3, 339), (json!(product(2)), 1, 500)];
    assert_eq!(lines(&history).await, expected);

    let again = history.with::<Cart>(ada(), [removed(lantern(), 3), added(lantern(), 1)]);
    let expected = vec![(json!(product(2)), 1, 500), (json!(lantern()), 1, 395)];
    assert_eq!(lines(&again).await, expected, "put in anew, at today's price, at the end");
}

#[tokio::test]
async fn what_was_ordered_leaves_the_cart_and_what_came_after_stays() {
    let history = with_products().with::<Cart>(
        ada(),
        [
            added(lantern(), 2),
            checked_out(vec![line(lantern(), 2)]),
            added(product(2), 1),
            added(lantern(), 1),
        ],
    );
    let expected = vec![(json!(product(2)), 1, 500), (json!(lantern()), 1, 339)];
    assert_eq!(lines(&history).await, expected);

    let gone = vec![line(product(2), 1), line(lantern(), 1)];
    let empty = history.with::<Cart>(ada(), [cleared(gone)]);
    let tables = rows(&Carts, &empty).await;
    assert!(tables["cart_lines"].is_empty());
    assert_eq!(tables["carts"][0]["sequence"], json!(5), "an empty cart has a version, too");
}
