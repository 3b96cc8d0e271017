//! Orders with their lines and what happened to them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::order::{Event, Line, Order, Reason, Status};
use eventstore::RecordedEvent;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::rows::{fetch, put};
use crate::{Projection, ProjectionError};

pub struct Orders;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    order_id: Uuid,
    number: String,
    customer: Uuid,
    status: Status,
    currency: String,
    total_minor: i64,
    line_count: u32,
    reason: Option<Reason>,
    placed_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    sequence: i64,
    position: i64,
}

#[derive(Debug, PartialEq, Serialize)]
struct LineRow {
    order_id: Uuid,
    line: u32,
    product: Uuid,
    sku: String,
    name: String,
    quantity: i64,
    unit_price_minor: i64,
}

#[derive(Debug, PartialEq, Serialize)]
struct Step {
    order_id: Uuid,
    sequence: i64,
    status: Status,
    reason: Option<Reason>,
    by_account: Option<Uuid>,
    at: DateTime<Utc>,
}

#[derive(Debug, Default)]
struct Changes {
    orders: BTreeMap<Uuid, Row>,
    lines: Vec<LineRow>,
    timeline: Vec<Step>,
}

#[async_trait]
impl Projection for Orders {
    fn name(&self) -> &'static str {
        "orders"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Order::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("order.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let keys: Vec<Uuid> =
            batch.iter().filter_map(|event| event.stream.aggregate_id.parse().ok()).collect();
        let known: Vec<Row> =
            fetch(tx, "select to_jsonb(o) from orders o where order_id = any($1)", &keys).await?;
        let mut changes = Changes {
            orders: known.into_iter().map(|row| (row.order_id, row)).collect(),
            ..Changes::default()
        };
        for event in batch {
            fold(&mut changes, event)?;
        }
        write(tx, changes).await
    }
}

fn fold(changes: &mut Changes, event: &RecordedEvent) -> Result<(), ProjectionError> {
    let (order, status, reason, by, at) = match event.decode()? {
        Event::OrderPlaced { order, number, customer, lines, line_count, total, at } => {
            let row = Row {
                order_id: order.uuid(),
                number: number.to_string(),
                customer: customer.uuid(),
                status: Status::Pending,
                currency: total.currency().to_string(),
                total_minor: total.minor(),
                line_count,
                reason: None,
                placed_at: at,
                changed_at: at,
                sequence: event.sequence,
                position: event.position,
            };
            changes.orders.insert(order.uuid(), row);
            changes.lines.extend(line_rows(order.uuid(), 1, lines));
            (order, Status::Pending, None, None, at)
        }
        Event::OrderLinesPlaced { order, first_line, lines, .. } => {
            changes.lines.extend(line_rows(order.uuid(), first_line, lines));
            if let Some(row) = changes.orders.get_mut(&order.uuid()) {
                row.sequence = event.sequence;
            }
            return Ok(());
        }
        Event::OrderConfirmed { order, at, .. } => (order, Status::Confirmed, None, None, at),
        Event::OrderRejected { order, reason, at, .. } => {
            (order, Status::Rejected, Some(reason), None, at)
        }
        Event::OrderShipped { order, at, .. } => (order, Status::Shipped, None, None, at),
        Event::OrderDelivered { order, at, .. } => (order, Status::Delivered, None, None, at),
        Event::OrderCancelled { order, by, at, .. } => {
            (order, Status::Cancelled, None, Some(by.uuid()), at)
        }
    };
    let row = changes
        .orders
        .get_mut(&order.uuid())
        .ok_or_else(|| ProjectionError::event(event, "the order was never placed"))?;
    row.status = status;
    row.reason = reason.clone();
    row.changed_at = at;
    row.sequence = event.sequence;
    changes.timeline.push(Step {
        order_id: row.order_id,
        sequence: event.sequence,
        status,
        reason,
        by_account: by,
        at,
    });
    Ok(())
}

fn line_rows(order: Uuid, first: u32, lines: Vec<Line>) -> impl Iterator<Item = LineRow> {
    (first..).zip(lines).map(move |(line, of)| LineRow {
        order_id: order,
        line,
        product: of.product.uuid(),
        sku: of.sku.into(),
        name: of.name.into(),
        quantity: of.quantity.into(),
        unit_price_minor: of.unit_price.minor(),
    })
}

async fn write(tx: &mut PgConnection, changes: Changes) -> Result<(), ProjectionError> {
    put(
        tx,
        "insert into orders
         select * from jsonb_populate_recordset(null::orders, $1)
         on conflict (order_id) do update
            set (status, reason, changed_at, sequence)
              = (excluded.status, excluded.reason, excluded.changed_at, excluded.sequence)",
        &changes.orders.into_values().collect::<Vec<_>>(),
    )
    .await?;
    put(
        tx,
        "insert into order_lines select * from jsonb_populate_recordset(null::order_lines, $1)",
        &changes.lines,
    )
    .await?;
    put(
        tx,
        "insert into order_timeline
         select * from jsonb_populate_recordset(null::order_timeline, $1)",
        &changes.timeline,
    )
    .await
}
