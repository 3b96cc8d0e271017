//! What products cost over time.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::product::{Event, Product};
use domain::{Money, ProductId};
use eventstore::RecordedEvent;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::rows::put;
use crate::{Projection, ProjectionError};

pub struct Prices;

#[derive(Debug, PartialEq, Serialize)]
struct Row {
    product: Uuid,
    position: i64,
    minor: i64,
    currency: String,
    since: DateTime<Utc>,
}

#[async_trait]
impl Projection for Prices {
    fn name(&self) -> &'static str {
        "prices"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Product::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("price.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let mut rows = Vec::new();
        for event in batch {
            match event.decode()? {
                Event::ProductAdded { product, price, at, .. } => {
                    rows.push(row(event, product, price, at));
                }
                Event::ProductRepriced { product, to, at, .. } => {
                    rows.push(row(event, product, to, at));
                }
                Event::ProductRevised { .. } | Event::ProductDiscontinued { .. } => {}
            }
        }
        let insert = "insert into product_prices
            select * from jsonb_populate_recordset(null::product_prices, $1)";
        put(tx, insert, &rows).await
    }
}

fn row(event: &RecordedEvent, product: ProductId, price: Money, since: DateTime<Utc>) -> Row {
    let (position, product) = (event.position, product.uuid());
    Row { product, position, minor: price.minor(), currency: price.currency().to_string(), since }
}
