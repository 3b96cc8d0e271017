//! Stock levels and what moved them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::stock::{Event, Level, Stock};
use eventstore::RecordedEvent;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::rows::{fetch, put};
use crate::{Projection, ProjectionError};

pub struct StockLevels;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    product: Uuid,
    on_hand: i64,
    reserved: i64,
    reorder_level: Option<u32>,
    changed_at: DateTime<Utc>,
    sequence: i64,
}

#[derive(Debug, PartialEq, Serialize)]
struct Movement {
    product: Uuid,
    position: i64,
    movement: &'static str,
    quantity: i64,
    order_id: Option<Uuid>,
    reason: Option<String>,
    on_hand: i64,
    reserved: i64,
    at: DateTime<Utc>,
}

#[async_trait]
impl Projection for StockLevels {
    fn name(&self) -> &'static str {
        "stock"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Stock::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("stock.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let keys: Vec<Uuid> =
            batch.iter().filter_map(|event| event.stream.aggregate_id.parse().ok()).collect();
        let known: Vec<Row> =
            fetch(tx, "select to_jsonb(s) from stock_levels s where product = any($1)", &keys)
                .await?;
        let mut levels = known.into_iter().map(|row| (row.product, row)).collect();
        let mut movements = Vec::new();
        for event in batch {
            movements.extend(fold(&mut levels, event)?);
        }
        put(
            tx,
            "insert into stock_levels
             select * from jsonb_populate_recordset(null::stock_levels, $1)
             on conflict (product) do update
                set (on_hand, reserved, reorder_level, changed_at, sequence)
                  = (excluded.on_hand, excluded.reserved, excluded.reorder_level,
                     excluded.changed_at, excluded.sequence)",
            &levels.into_values().collect::<Vec<_>>(),
        )
        .await?;
        put(
            tx,
            "insert into stock_movements
             select * from jsonb_populate_recordset(null::stock_movements, $1)",
            &movements,
        )
        .await
    }
}

/// What moved, from where to where, for which order and why.
struct Moved {
    movement: &'static str,
    quantity: i64,
    order: Option<Uuid>,
    reason: Option<String>,
}

fn moved(movement: &'static str, quantity: impl Into<i64>) -> Moved {
    Moved { movement, quantity: quantity.into(), order: None, reason: None }
}

fn fold(
    levels: &mut BTreeMap<Uuid, Row>,
    event: &RecordedEvent,
) -> Result<Option<Movement>, ProjectionError> {
    let (product, level, at, moved): (_, Option<Level>, _, Option<Moved>) = match event.decode()? {
        Event::StockReceived { product, quantity, reason, level, at } => {
            let reason = reason.map(String::from);
            (product, Some(level), at, Some(Moved { reason, ..moved("received", quantity) }))
        }
        Event::StockAdjusted { product, by, reason, level, at } => {
            let reason = reason.map(String::from);
            (product, Some(level), at, Some(Moved { reason, ..moved("adjusted", by) }))
        }
        Event::StockReserved { product, order, quantity, level, at } => {
            let order = Some(order.uuid());
            (product, Some(level), at, Some(Moved { order, ..moved("reserved", quantity) }))
        }
        Event::ReservationRefused { product, order, quantity, level, at } => {
            let order = Some(order.uuid());
            (product, Some(level), at, Some(Moved { order, ..moved("refused", quantity) }))
        }
        Event::ReservationReleased { product, order, quantity, level, at } => {
            let order = Some(order.uuid());
            (product, Some(level), at, Some(Moved { order, ..moved("released", quantity) }))
        }
        Event::StockShipped { product, order, quantity, level, at } => {
            let order = Some(order.uuid());
            (product, Some(level), at, Some(Moved { order, ..moved("shipped", quantity) }))
        }
        Event::ReorderLevelSet { product, to, at, .. } => {
            let row = entry(levels, product.uuid(), at);
            row.reorder_level = to;
            (product, None, at, None)
        }
        Event::StockRanLow { product, level, at, .. } => (product, Some(level), at, None),
    };
    let row = entry(levels, product.uuid(), at);
    row.changed_at = at;
    row.sequence = event.sequence;
    if let Some(level) = level {
        row.on_hand = level.on_hand;
        row.reserved = level.reserved;
    }
    Ok(moved.map(|Moved { movement, quantity, order, reason }| Movement {
        product: row.product,
        position: event.position,
        movement,
        quantity,
        order_id: order,
        reason,
        on_hand: row.on_hand,
        reserved: row.reserved,
        at,
    }))
}

fn entry(levels: &mut BTreeMap<Uuid, Row>, product: Uuid, at: DateTime<Utc>) -> &mut Row {
    levels.entry(product).or_insert(Row {
        product,
        on_hand: 0,
        reserved: 0,
        reorder_level: None,
        changed_at: at,
        sequence: 0,
    })
}
