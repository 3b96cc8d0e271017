use domain::product::samples::{full_details, repriced};
use domain::product::{Event, Product};
use domain::samples::{at, lantern, pounds};
use serde_json::json;

use super::{History, rows};
use crate::price::Prices;

#[tokio::test]
async fn every_price_a_product_had_is_kept() {
    let product = lantern();
    let details = Box::new(full_details());
    let added = Event::ProductAdded { product, details, price: pounds(339), at: at(0) };
    let gone = Event::ProductDiscontinued { product, at: at(9) };
    let history = History::default()
        .with::<Product>(product, [added, repriced(product, pounds(339), pounds(295)), gone]);
    let prices = &rows(&Prices, &history).await["product_prices"];
    let minor: Vec<_> = prices.iter().map(|row| &row["minor"]).collect();
    assert_eq!(minor.len(), 2);
    assert!(minor.contains(&&json!(339)) && minor.contains(&&json!(295)));
}
