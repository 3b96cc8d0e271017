//! What is sold of each product per day. An order is of the day it was placed on.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::NaiveDate;
use cqrs_es::Aggregate;
use domain::order::{Event, Line, Order, Status};
use eventstore::RecordedEvent;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::rows::{fetch, put};
use crate::{Projection, ProjectionError};

pub struct Sales;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct OpenSale {
    order_id: Uuid,
    day: NaiveDate,
    currency: String,
    lines: Vec<Sold>,
}

/// A product in an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Sold {
    product: Uuid,
    units: i64,
    minor: i64,
}

/// By how much the sales of a day differ.
#[derive(Debug, Default, PartialEq)]
struct Sums {
    orders: i64,
    units: i64,
    minor: i64,
}

#[derive(Debug, Default)]
struct Changes {
    open: BTreeMap<Uuid, OpenSale>,
    /// Those of `open` that are new or have new lines.
    changed: BTreeSet<Uuid>,
    closed: Vec<Uuid>,
    sales: BTreeMap<(Uuid, NaiveDate, String), Sums>,
}

#[async_trait]
impl Projection for Sales {
    fn name(&self) -> &'static str {
        "sales"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Order::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("sales.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let orders: Vec<Uuid> =
            batch.iter().filter_map(|event| event.stream.aggregate_id.parse().ok()).collect();
        let select = "select to_jsonb(o) from open_sales o where order_id = any($1)";
        let known: Vec<OpenSale> = fetch(tx, select, &orders).await?;
        let mut changes = Changes {
            open: known.into_iter().map(|sale| (sale.order_id, sale)).collect(),
            ..Changes::default()
        };
        for event in batch {
            fold(&mut changes, event)?;
        }
        write(tx, changes).await
    }
}

fn fold(changes: &mut Changes, event: &RecordedEvent) -> Result<(), ProjectionError> {
    match event.decode()? {
        Event::OrderPlaced { order, lines, total, at, .. } => {
            let (order_id, currency) = (order.uuid(), total.currency().to_string());
            let sale = OpenSale { order_id, day: at.date_naive(), currency, lines: Vec::new() };
            changes.open.insert(order_id, sale);
            changes.add(event, order_id, lines)
        }
        Event::OrderLinesPlaced { order, lines, .. } => changes.add(event, order.uuid(), lines),
        Event::OrderConfirmed { order, .. } => changes.sold(event, order.uuid(), 1),
        Event::OrderCancelled { order, was, .. } => {
            if was == Status::Confirmed {
                changes.sold(event, order.uuid(), -1)?;
            }
            changes.close(order.uuid());
            Ok(())
        }
        // What was shipped is not cancelled any more.
        Event::OrderRejected { order, .. } | Event::OrderShipped { order, .. } => {
            changes.close(order.uuid());
            Ok(())
        }
        Event::OrderDelivered { .. } => Ok(()),
    }
}

impl Changes {
    fn add(
        &mut self,
        event: &RecordedEvent,
        order: Uuid,
        lines: Vec<Line>,
    ) -> Result<(), ProjectionError> {
        let sale = self.open.get_mut(&order).ok_or_else(|| never_placed(event))?;
        for Line { product, quantity, unit_price, .. } in lines {
            let units = i64::from(quantity);
            let (product, minor) = (product.uuid(), units * unit_price.minor());
            match sale.lines.iter_mut().find(|sold| sold.product == product) {
                Some(sold) => (sold.units, sold.minor) = (sold.units + units, sold.minor + minor),
                None => sale.lines.push(Sold { product, units, minor }),
            }
        }
        self.changed.insert(order);
        Ok(())
    }

    fn sold(
        &mut self,
        event: &RecordedEvent,
        order: Uuid,
        sign: i64,
    ) -> Result<(), ProjectionError> {
        let sale = self.open.get(&order).ok_or_else(|| never_placed(event))?;
        for sold in &sale.lines {
            let key = (sold.product, sale.day, sale.currency.clone());
            let sums = self.sales.entry(key).or_default();
            sums.orders += sign;
            sums.units += sign * sold.units;
            sums.minor += sign * sold.minor;
        }
        Ok(())
    }

    fn close(&mut self, order: Uuid) {
        self.open.remove(&order);
        self.changed.remove(&order);
        self.closed.push(order);
    }
}

fn never_placed(event: &RecordedEvent) -> ProjectionError {
    ProjectionError::event(event, "the order was never placed")
}

async fn write(tx: &mut PgConnection, changes: Changes) -> Result<(), ProjectionError> {
    let Changes { mut open, changed, closed, sales } = changes;
    let open: Vec<OpenSale> = changed.iter().filter_map(|order| open.remove(order)).collect();
    put(
        tx,
        "insert into open_sales
         select * from jsonb_populate_recordset(null::open_sales, $1)
         on conflict (order_id) do update set lines = excluded.lines",
        &open,
    )
    .await?;
    if !closed.is_empty() {
        let delete = "delete from open_sales where order_id = any($1)";
        sqlx::query(delete).bind(closed).execute(&mut *tx).await?;
    }
    if sales.is_empty() {
        return Ok(());
    }
    let (mut products, mut days, mut currencies) = (Vec::new(), Vec::new(), Vec::new());
    let (mut orders, mut units, mut minor) = (Vec::new(), Vec::new(), Vec::new());
    for ((product, day, currency), sums) in sales {
        products.push(product);
        days.push(day);
        currencies.push(currency);
        orders.push(sums.orders);
        units.push(sums.units);
        minor.push(sums.minor);
    }
    sqlx::query(
        "insert into daily_sales as sold (product, day, currency, orders, units, minor)
         select * from unnest($1::uuid[], $2::date[], $3::text[], $4::bigint[], $5::bigint[],
                              $6::bigint[])
         on conflict (product, day, currency) do update
            set orders = sold.orders + excluded.orders, units = sold.units + excluded.units,
                minor = sold.minor + excluded.minor",
    )
    .bind(products)
    .bind(days)
    .bind(currencies)
    .bind(orders)
    .bind(units)
    .bind(minor)
    .execute(tx)
    .await?;
    Ok(())
}
