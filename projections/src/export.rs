//! What people asked to have collected about them, and whether it was.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::export::{Event, PersonalExport};
use eventstore::RecordedEvent;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::rows::put;
use crate::{Projection, ProjectionError};

pub struct PersonalExports;

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Requested {
    export: Uuid,
    account: Uuid,
    requested_at: DateTime<Utc>,
    position: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Completed {
    export: Uuid,
    completed_at: DateTime<Utc>,
    events: u64,
}

#[async_trait]
impl Projection for PersonalExports {
    fn name(&self) -> &'static str {
        "exports"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[PersonalExport::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("export.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let (mut requested, mut completed) = (Vec::new(), Vec::new());
        for event in batch {
            match event.decode()? {
                Event::ExportRequested { account, export, at } => requested.push(Requested {
                    export: export.uuid(),
                    account: account.uuid(),
                    requested_at: at,
                    position: event.position,
                }),
                Event::ExportCompleted { export, events, at, .. } => {
                    completed.push(Completed { export: export.uuid(), completed_at: at, events })
                }
            }
        }
        put(
            tx,
            "insert into exports select * from jsonb_populate_recordset(null::exports, $1)",
            &requested,
        )
        .await?;
        put(
            tx,
            "update exports e set completed_at = done.completed_at, events = done.events
             from jsonb_populate_recordset(null::exports, $1) done where done.export = e.export",
            &completed,
        )
        .await
    }
}
