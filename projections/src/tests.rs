//! One real-database test per projection: rows are what the events say, and the same however the
//! events come in batches.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account;
mod activity;
mod analytics;
mod api_key;
mod audit_index;
mod cart;
mod comment;
mod conversation;
mod course;
mod dismissal;
mod enrollment;
mod export;
mod features;
mod file;
mod follow;
mod like;
mod loan;
mod notification;
mod order;
mod price;
mod product_and_book;
mod rating;
mod sales;
mod shelf;
mod stock;
mod turnover;
mod weekly;

use std::collections::BTreeMap;
use std::fmt::Display;

use cqrs_es::{Aggregate, DomainEvent};
use eventstore::{RecordedEvent, StreamId};
use serde_json::Value;
use sqlx::{Connection, Executor, PgConnection};

use crate::Projection;

/// A log made by hand.
#[derive(Default)]
struct History(Vec<RecordedEvent>);

impl History {
    fn with<A: Aggregate>(
        mut self,
        id: impl Display,
        events: impl IntoIterator<Item = A::Event>,
    ) -> Self {
        let stream = StreamId::new(A::TYPE, id.to_string());
        for event in events {
            let before = self.0.iter().filter(|known| known.stream == stream).count();
            let recorded = RecordedEvent {
                position: i64::try_from(self.0.len()).unwrap() + 1,
                stream: stream.clone(),
                sequence: i64::try_from(before).unwrap() + 1,
                event_type: event.event_type(),
                event_version: event.event_version(),
                payload: serde_json::to_string(&event).unwrap(),
                metadata: "{}".to_owned(),
                recorded_at: domain::samples::at(0),
            };
            self.0.push(recorded);
        }
        self
    }
}

/// Rows of every table by its name, as JSON in a fixed order.
type Tables = BTreeMap<String, Vec<Value>>;

/// The tables after `history`, which must not depend on how it is cut into batches.
async fn rows(projection: &dyn Projection, history: &History) -> Tables {
    let mut db = PgConnection::connect(&local_services::testing::database_url()).await.unwrap();
    let whole = built(projection, history, history.0.len(), &mut db).await;
    for size in [1, 2, 3] {
        let pieces = built(projection, history, size, &mut db).await;
        assert_eq!(pieces, whole, "batches of {size} give other rows than one batch");
    }
    whole
}

async fn built(
    projection: &dyn Projection,
    history: &History,
    size: usize,
    db: &mut PgConnection,
) -> Tables {
    let schema = format!("built_by_{size}");
    db.execute(format!("drop schema if exists {schema} cascade").as_str()).await.unwrap();
    db.execute(format!("create schema {schema}").as_str()).await.unwrap();
    db.execute(format!("set search_path to {schema}").as_str()).await.unwrap();
    db.execute(projection.schema()).await.unwrap();
    for batch in history.0.chunks(size.max(1)) {
        let batch: Vec<&RecordedEvent> = batch
            .iter()
            .filter(|event| projection.sources().contains(&event.stream.aggregate_type.as_str()))
            .collect();
        if !batch.is_empty() {
            let mut tx = db.begin().await.unwrap();
            projection.apply(&batch, &mut tx).await.unwrap();
            tx.commit().await.unwrap();
        }
    }
    let names: Vec<String> =
        sqlx::query_scalar("select tablename::text from pg_tables where schemaname = $1")
            .bind(&schema)
            .fetch_all(&mut *db)
            .await
            .unwrap();
    let mut tables = Tables::new();
    for name in names {
        let select = format!("select to_jsonb(t) from {name} t order by to_jsonb(t)::text");
        let rows = sqlx::query_scalar(&select).fetch_all(&mut *db).await.unwrap();
        tables.insert(name, rows);
    }
    tables
}
