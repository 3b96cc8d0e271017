//! The catalogue of the shop, with its words for searching.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::Money;
use domain::product::{Details, Event, Product};
use eventstore::RecordedEvent;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::rows::{fetch, put};
use crate::{Projection, ProjectionError};

pub struct Products;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    product: Uuid,
    sku: String,
    name: String,
    description: Option<String>,
    price_minor: i64,
    currency: String,
    category: Option<String>,
    tags: Vec<String>,
    discontinued: bool,
    added_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    sequence: i64,
    position: i64,
}

#[async_trait]
impl Projection for Products {
    fn name(&self) -> &'static str {
        "products"
    }

    fn version(&self) -> u32 {
        3
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Product::TYPE]
    }

    fn schema(&self) -> &'static str {
        concat!(include_str!("said.sql"), include_str!("product.sql"), include_str!("alike.sql"))
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let keys: Vec<Uuid> =
            batch.iter().filter_map(|event| event.stream.aggregate_id.parse().ok()).collect();
        let known: Vec<Row> = fetch(
            tx,
            "select to_jsonb(p) - '{search,names}'::text[] from products p where product = any($1)",
            &keys,
        )
        .await?;
        let mut products = known.into_iter().map(|row| (row.product, row)).collect();
        for event in batch {
            fold(&mut products, event)?;
        }
        let rows: Vec<Row> = products.into_values().collect();
        put(tx, UPSERT, &rows).await
    }
}

fn fold(products: &mut BTreeMap<Uuid, Row>, event: &RecordedEvent) -> Result<(), ProjectionError> {
    let decoded: Event = event.decode()?;
    if let Event::ProductAdded { product, details, price, at } = decoded {
        products.insert(product.uuid(), added(product.uuid(), *details, price, at, event));
        return Ok(());
    }
    let row = event
        .stream
        .aggregate_id
        .parse()
        .ok()
        .and_then(|product: Uuid| products.get_mut(&product))
        .ok_or_else(|| ProjectionError::event(event, "the product was never added"))?;
    row.sequence = event.sequence;
    row.changed_at = match decoded {
        Event::ProductAdded { at, .. } => at,
        Event::ProductRevised { details, at, .. } => {
            describe(row, *details);
            at
        }
        Event::ProductRepriced { to, at, .. } => {
            row.price_minor = to.minor();
            row.currency = to.currency().to_string();
            at
        }
        Event::ProductDiscontinued { at, .. } => {
            row.discontinued = true;
            at
        }
    };
    Ok(())
}

fn added(
    product: Uuid,
    details: Details,
    price: Money,
    at: DateTime<Utc>,
    event: &RecordedEvent,
) -> Row {
    let mut row = Row {
        product,
        sku: String::new(),
        name: String::new(),
        description: None,
        price_minor: price.minor(),
        currency: price.currency().to_string(),
        category: None,
        tags: Vec::new(),
        discontinued: false,
        added_at: at,
        changed_at: at,
        sequence: event.sequence,
        position: event.position,
    };
    describe(&mut row, details);
    row
}

fn describe(row: &mut Row, details: Details) {
    row.sku = details.sku.into();
    row.name = details.name.into();
    row.description = details.description.map(String::from);
    row.category = details.category.map(String::from);
    row.tags = details.tags.iter().map(ToString::to_string).collect();
}

const UPSERT: &str = "
    insert into products (product, sku, name, description, price_minor, currency, category, tags,
        discontinued, added_at, changed_at, sequence, position)
    select product, sku, name, description, price_minor, currency, category, tags,
        discontinued, added_at, changed_at, sequence, position
      from jsonb_populate_recordset(null::products, $1)
    on conflict (product) do update
       set (sku, name, description, price_minor, currency, category, tags, discontinued,
            changed_at, sequence)
         = (excluded.sku, excluded.name, excluded.description, excluded.price_minor,
            excluded.currency, excluded.category, excluded.tags, excluded.discontinued,
            excluded.changed_at, excluded.sequence)";
