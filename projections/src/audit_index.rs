//! What auditors search the log by: who, which course of things, which kind.

use std::collections::BTreeSet;

use async_trait::async_trait;
use cqrs_es::Aggregate;
use domain::account::Account;
use domain::book::Book;
use domain::cart::Cart;
use domain::comment::Comment;
use domain::conversation::Conversation;
use domain::course::Course;
use domain::dismissal::Dismissal;
use domain::enrollment::Enrollment;
use domain::export::PersonalExport;
use domain::file::Files;
use domain::follow::Follow;
use domain::fulfilment::Fulfilment;
use domain::like::Like;
use domain::loan::CopySet;
use domain::model::Model;
use domain::notification::Notification;
use domain::operators::Operators;
use domain::order::Order;
use domain::process::Process;
use domain::product::Product;
use domain::projection::Projection as ProjectionActions;
use domain::publication::Publication;
use domain::rating::Rating;
use domain::shelf::Shelf;
use domain::stock::Stock;
use domain::weekly::Weekly;
use eventstore::RecordedEvent;
use sqlx::PgConnection;

use crate::{Projection, ProjectionError};

pub struct AuditIndex;

#[async_trait]
impl Projection for AuditIndex {
    fn name(&self) -> &'static str {
        "audit_index"
    }

    fn version(&self) -> u32 {
        4
    }

    fn sources(&self) -> &'static [&'static str] {
        &[
            Account::TYPE,
            Book::TYPE,
            Cart::TYPE,
            Comment::TYPE,
            Conversation::TYPE,
            Course::TYPE,
            Dismissal::TYPE,
            Enrollment::TYPE,
            Files::TYPE,
            PersonalExport::TYPE,
            Follow::TYPE,
            Fulfilment::TYPE,
            CopySet::TYPE,
            Like::TYPE,
            Model::TYPE,
            Notification::TYPE,
            Operators::TYPE,
            Order::TYPE,
            Process::TYPE,
            Product::TYPE,
            ProjectionActions::TYPE,
            Publication::TYPE,
            Rating::TYPE,
            Shelf::TYPE,
            Stock::TYPE,
            Weekly::TYPE,
        ]
    }

    fn schema(&self) -> &'static str {
        include_str!("audit_index.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let column = |of: fn(&RecordedEvent) -> &str| -> Vec<&str> {
            batch.iter().map(|event| of(event)).collect()
        };
        let mut entries: Vec<_> = batch.iter().map(|event| event.metadata()).collect();
        let mut entry = |name: &str| -> Vec<Option<String>> {
            entries.iter_mut().map(|metadata| metadata.remove(name)).collect()
        };
        sqlx::query(
            "insert into audit_index (position, aggregate_type, event_type, actor, correlation_id)
             select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[])",
        )
        .bind(batch.iter().map(|event| event.position).collect::<Vec<_>>())
        .bind(column(|event| &event.stream.aggregate_type))
        .bind(column(|event| &event.event_type))
        .bind(entry("actor"))
        .bind(entry("correlation_id"))
        .execute(&mut *tx)
        .await?;
        let kinds = batch.iter().map(|event| (&*event.event_type, &*event.stream.aggregate_type));
        let (types, aggregates): (Vec<&str>, Vec<&str>) =
            kinds.collect::<BTreeSet<_>>().into_iter().unzip();
        sqlx::query(
            "insert into audit_types (event_type, aggregate_type)
             select * from unnest($1::text[], $2::text[]) on conflict do nothing",
        )
        .bind(types)
        .bind(aggregates)
        .execute(tx)
        .await?;
        Ok(())
    }
}
