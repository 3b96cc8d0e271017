//! Orders with their lines and what happened to them, their payments among it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::fulfilment::{self, Fulfilment};
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
    position: i64,
    status: Status,
    reason: Option<Reason>,
    by_account: Option<Uuid>,
    payment: Option<Paying>,
    detail: Option<String>,
    at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Paying {
    Requested,
    Taken,
    Declined,
    Failed,
    GivenUp,
    Refunded,
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
        2
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Order::TYPE, Fulfilment::TYPE]
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
            match event.stream.aggregate_type == Fulfilment::TYPE {
                true => fold_payment(&mut changes, event)?,
                false => fold(&mut changes, event)?,
            }
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
        position: event.position,
        status,
        reason,
        by_account: by,
        payment: None,
        detail: None,
        at,
    });
    Ok(())
}

/// A payment changes nothing about the order but what its page tells.
fn fold_payment(changes: &mut Changes, event: &RecordedEvent) -> Result<(), ProjectionError> {
    let (order, payment, detail, at) = match event.decode()? {
        fulfilment::Event::PaymentRequested { order, at, .. } => {
            (order, Paying::Requested, None, at)
        }
        fulfilment::Event::PaymentTaken { order, reference, at, .. } => {
            (order, Paying::Taken, Some(reference.into()), at)
        }
        fulfilment::Event::PaymentDeclined { order, reason, at } => {
            (order, Paying::Declined, Some(reason.into()), at)
        }
        fulfilment::Event::PaymentFailed { order, error, at, .. } => {
            (order, Paying::Failed, Some(error.into()), at)
        }
        fulfilment::Event::PaymentGivenUp { order, error, at } => {
            (order, Paying::GivenUp, Some(error.into()), at)
        }
        fulfilment::Event::PaymentRefunded { order, at } => (order, Paying::Refunded, None, at),
        fulfilment::Event::FulfilmentStarted { .. }
        | fulfilment::Event::LinesReserved { .. }
        | fulfilment::Event::LinesRefused { .. }
        | fulfilment::Event::FulfilmentConfirmed { .. }
        | fulfilment::Event::FulfilmentRejecting { .. }
        | fulfilment::Event::FulfilmentCancelled { .. }
        | fulfilment::Event::FulfilmentReleased { .. }
        | fulfilment::Event::FulfilmentShipped { .. } => return Ok(()),
    };
    let row = changes
        .orders
        .get(&order.uuid())
        .ok_or_else(|| ProjectionError::event(event, "the order was never placed"))?;
    changes.timeline.push(Step {
        order_id: row.order_id,
        position: event.position,
        status: row.status,
        reason: None,
        by_account: None,
        payment: Some(payment),
        detail,
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
