//! The API keys that people have.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cqrs_es::Aggregate;
use domain::account::{Account, Event};
use eventstore::RecordedEvent;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::rows::put;
use crate::{Projection, ProjectionError};

pub struct ApiKeys;

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Row {
    key: Uuid,
    account: Uuid,
    name: domain::Personal<domain::Name>,
    scopes: domain::account::Scopes,
    created_at: chrono::DateTime<chrono::Utc>,
    position: i64,
}

/// What a batch leaves: new keys, and those that are gone. Erased people have none.
#[derive(Debug, Default)]
struct Changes {
    made: BTreeMap<Uuid, Row>,
    revoked: Vec<Uuid>,
    erased: Vec<Uuid>,
}

#[async_trait]
impl Projection for ApiKeys {
    fn name(&self) -> &'static str {
        "api_keys"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Account::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("api_key.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let Changes { made, revoked, erased } = changes(batch)?;
        put(
            tx,
            "insert into api_keys select * from jsonb_populate_recordset(null::api_keys, $1)",
            &made.into_values().collect::<Vec<_>>(),
        )
        .await?;
        if !revoked.is_empty() || !erased.is_empty() {
            sqlx::query("delete from api_keys where key = any($1) or account = any($2)")
                .bind(revoked)
                .bind(erased)
                .execute(tx)
                .await?;
        }
        Ok(())
    }
}

fn changes(batch: &[&RecordedEvent]) -> Result<Changes, ProjectionError> {
    let mut changes = Changes::default();
    for event in batch {
        match event.decode()? {
            Event::ApiKeyCreated { account, key, name, scopes, at } => {
                let (key, account) = (key.uuid(), account.uuid());
                let (created_at, position) = (at, event.position);
                let row = Row { key, account, name, scopes, created_at, position };
                changes.made.insert(key, row);
            }
            Event::ApiKeyRevoked { key, .. } => changes.revoked.push(key.uuid()),
            Event::AccountErased { account, .. } => changes.erased.push(account.uuid()),
            _ => {}
        }
    }
    Ok(changes)
}
