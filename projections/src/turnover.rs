//! What comes into the house and leaves it, per product and day. Reservations move nothing.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::NaiveDate;
use cqrs_es::Aggregate;
use domain::stock::{Event, Stock};
use eventstore::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Projection, ProjectionError};

pub struct Turnover;

#[derive(Debug, Default, PartialEq)]
struct Moved {
    received: i64,
    shipped: i64,
    adjusted: i64,
}

#[async_trait]
impl Projection for Turnover {
    fn name(&self) -> &'static str {
        "turnover"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Stock::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("turnover.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let mut days: BTreeMap<(Uuid, NaiveDate), Moved> = BTreeMap::new();
        for event in batch {
            fold(&mut days, event.decode()?);
        }
        if days.is_empty() { Ok(()) } else { write(tx, days).await }
    }
}

fn fold(days: &mut BTreeMap<(Uuid, NaiveDate), Moved>, event: Event) {
    let (product, at, moved) = match event {
        Event::StockReceived { product, quantity, at, .. } => {
            (product, at, Moved { received: quantity.into(), ..Moved::default() })
        }
        Event::StockShipped { product, quantity, at, .. } => {
            (product, at, Moved { shipped: quantity.into(), ..Moved::default() })
        }
        Event::StockAdjusted { product, by, at, .. } => {
            (product, at, Moved { adjusted: by, ..Moved::default() })
        }
        Event::StockReserved { .. }
        | Event::ReservationRefused { .. }
        | Event::ReservationReleased { .. }
        | Event::ReorderLevelSet { .. }
        | Event::StockRanLow { .. } => return,
    };
    let day = days.entry((product.uuid(), at.date_naive())).or_default();
    day.received += moved.received;
    day.shipped += moved.shipped;
    day.adjusted += moved.adjusted;
}

async fn write(
    tx: &mut PgConnection,
    moved: BTreeMap<(Uuid, NaiveDate), Moved>,
) -> Result<(), ProjectionError> {
    let (mut products, mut days) = (Vec::new(), Vec::new());
    let (mut received, mut shipped, mut adjusted) = (Vec::new(), Vec::new(), Vec::new());
    for ((product, day), moved) in moved {
        products.push(product);
        days.push(day);
        received.push(moved.received);
        shipped.push(moved.shipped);
        adjusted.push(moved.adjusted);
    }
    sqlx::query(
        "insert into daily_stock as moved (product, day, received, shipped, adjusted)
         select * from unnest($1::uuid[], $2::date[], $3::bigint[], $4::bigint[], $5::bigint[])
         on conflict (product, day) do update
            set received = moved.received + excluded.received,
                shipped = moved.shipped + excluded.shipped,
                adjusted = moved.adjusted + excluded.adjusted",
    )
    .bind(products)
    .bind(days)
    .bind(received)
    .bind(shipped)
    .bind(adjusted)
    .execute(tx)
    .await?;
    Ok(())
}
