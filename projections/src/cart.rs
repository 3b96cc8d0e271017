//! What customers have in their carts, and what it cost when they put it in.
//!
//! Prices are not in a cart's events: this read model follows the products, too, and remembers.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::Money;
use domain::cart::{Cart, Event, Line, Pieces};
use domain::product::{self, Product};
use eventstore::RecordedEvent;
use serde::Serialize;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::rows::put;
use crate::{Projection, ProjectionError};

pub struct Carts;

/// An event of one of the two kinds of streams.
enum Happened {
    Cart(Event),
    Product(product::Event),
}

#[derive(Debug, PartialEq, Serialize)]
struct CartRow {
    customer: Uuid,
    changed_at: DateTime<Utc>,
    sequence: i64,
}

#[derive(Debug, PartialEq, Serialize)]
struct LineRow {
    customer: Uuid,
    product: Uuid,
    quantity: u32,
    price_minor: Option<i64>,
    currency: Option<String>,
    added_at: DateTime<Utc>,
    position: i64,
}

#[derive(Debug, PartialEq, Serialize)]
struct PriceRow {
    product: Uuid,
    price_minor: i64,
    currency: String,
}

/// What becomes of a line. The events say enough that none needs to be read for it.
#[derive(Debug, PartialEq)]
enum Change {
    Put(LineRow),
    /// It was there before the batch.
    Quantity(u32),
    Gone,
}

#[derive(Debug, Default)]
struct Changes {
    carts: BTreeMap<Uuid, CartRow>,
    lines: BTreeMap<(Uuid, Uuid), Change>,
    prices: BTreeMap<Uuid, Money>,
}

#[async_trait]
impl Projection for Carts {
    fn name(&self) -> &'static str {
        "carts"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Cart::TYPE, Product::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("cart.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let (mut happened, mut put_in) = (Vec::with_capacity(batch.len()), Vec::new());
        for event in batch {
            if event.stream.aggregate_type == Product::TYPE {
                happened.push(Happened::Product(event.decode()?));
                continue;
            }
            let decoded = event.decode()?;
            if let Event::ItemAdded { product, .. } = decoded {
                put_in.push(product.uuid());
            }
            happened.push(Happened::Cart(decoded));
        }
        let known = prices(tx, &put_in).await?;
        let mut changes = Changes::default();
        for (event, happened) in batch.iter().zip(happened) {
            match happened {
                Happened::Product(event) => changes.price(event),
                Happened::Cart(decoded) => changes.fold(event, decoded, &known),
            }
        }
        write(tx, changes).await
    }
}

/// What products cost before the batch.
async fn prices(
    tx: &mut PgConnection,
    products: &[Uuid],
) -> Result<HashMap<Uuid, Money>, ProjectionError> {
    if products.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(
        "select product, price_minor, currency from cart_prices where product = any($1)",
    )
    .bind(products)
    .fetch_all(tx)
    .await?;
    let price = |row: &sqlx::postgres::PgRow| {
        let currency = row.get::<&str, _>("currency").parse().ok()?;
        let price = Money::new(row.get("price_minor"), currency).ok()?;
        Some((row.get("product"), price))
    };
    Ok(rows.iter().filter_map(price).collect())
}

impl Changes {
    fn price(&mut self, event: product::Event) {
        let (product, price) = match event {
            product::Event::ProductAdded { product, price, .. } => (product, price),
            product::Event::ProductRepriced { product, to, .. } => (product, to),
            product::Event::ProductRevised { .. } | product::Event::ProductDiscontinued { .. } => {
                return;
            }
        };
        self.prices.insert(product.uuid(), price);
    }

    fn fold(&mut self, event: &RecordedEvent, decoded: Event, known: &HashMap<Uuid, Money>) {
        let (customer, at) = match decoded {
            Event::ItemAdded { customer, product, quantity, at } => {
                let (customer, product) = (customer.uuid(), product.uuid());
                let price = self.prices.get(&product).or_else(|| known.get(&product));
                let line = LineRow {
                    customer,
                    product,
                    quantity: quantity.into(),
                    price_minor: price.map(|price| price.minor()),
                    currency: price.map(|price| price.currency().to_string()),
                    added_at: at,
                    position: event.position,
                };
                self.lines.insert((customer, product), Change::Put(line));
                (customer, at)
            }
            Event::QuantityChanged { customer, product, to, at, .. } => {
                self.set_quantity((customer.uuid(), product.uuid()), to);
                (customer.uuid(), at)
            }
            Event::ItemRemoved { customer, product, at, .. } => {
                self.lines.insert((customer.uuid(), product.uuid()), Change::Gone);
                (customer.uuid(), at)
            }
            Event::CartCleared { customer, lines, at }
            | Event::CheckedOut { customer, lines, at, .. } => {
                let gone = |line: Line| ((customer.uuid(), line.product.uuid()), Change::Gone);
                self.lines.extend(lines.into_iter().map(gone));
                (customer.uuid(), at)
            }
        };
        let cart = CartRow { customer, changed_at: at, sequence: event.sequence };
        self.carts.insert(customer, cart);
    }

    fn set_quantity(&mut self, line: (Uuid, Uuid), to: Pieces) {
        match self.lines.get_mut(&line) {
            Some(Change::Put(row)) => row.quantity = to.into(),
            _ => drop(self.lines.insert(line, Change::Quantity(to.into()))),
        }
    }
}

async fn write(tx: &mut PgConnection, changes: Changes) -> Result<(), ProjectionError> {
    let (mut lines, mut quantities, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for (key, change) in changes.lines {
        match change {
            Change::Put(line) => lines.push(line),
            Change::Quantity(quantity) => quantities.push((key, i64::from(quantity))),
            Change::Gone => gone.push(key),
        }
    }
    put(
        tx,
        "insert into carts select * from jsonb_populate_recordset(null::carts, $1)
         on conflict (customer) do update
            set (changed_at, sequence) = (excluded.changed_at, excluded.sequence)",
        &changes.carts.into_values().collect::<Vec<_>>(),
    )
    .await?;
    put(
        tx,
        "insert into cart_lines select * from jsonb_populate_recordset(null::cart_lines, $1)
         on conflict (customer, product) do update
            set (quantity, price_minor, currency, added_at, position)
              = (excluded.quantity, excluded.price_minor, excluded.currency, excluded.added_at,
                 excluded.position)",
        &lines,
    )
    .await?;
    if !quantities.is_empty() {
        sqlx::query(
            "update cart_lines line set quantity = c.quantity
               from unnest($1::uuid[], $2::uuid[], $3::bigint[]) as c (customer, product, quantity)
              where (line.customer, line.product) = (c.customer, c.product)",
        )
        .bind(quantities.iter().map(|((customer, _), _)| *customer).collect::<Vec<_>>())
        .bind(quantities.iter().map(|((_, product), _)| *product).collect::<Vec<_>>())
        .bind(quantities.iter().map(|(_, quantity)| *quantity).collect::<Vec<_>>())
        .execute(&mut *tx)
        .await?;
    }
    if !gone.is_empty() {
        let (customers, products): (Vec<Uuid>, Vec<Uuid>) = gone.into_iter().unzip();
        sqlx::query(
            "delete from cart_lines
              where (customer, product) in (select * from unnest($1::uuid[], $2::uuid[]))",
        )
        .bind(customers)
        .bind(products)
        .execute(&mut *tx)
        .await?;
    }
    let prices = changes.prices.into_iter().map(|(product, price)| PriceRow {
        product,
        price_minor: price.minor(),
        currency: price.currency().to_string(),
    });
    put(
        tx,
        "insert into cart_prices select * from jsonb_populate_recordset(null::cart_prices, $1)
         on conflict (product) do update
            set (price_minor, currency) = (excluded.price_minor, excluded.currency)",
        &prices.collect::<Vec<_>>(),
    )
    .await
}
