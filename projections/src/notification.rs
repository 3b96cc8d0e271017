//! What people were told, and whether it went out.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::notification::{Event, Message, Notification};
use eventstore::RecordedEvent;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::rows::put;
use crate::{Projection, ProjectionError};

pub struct Notifications;

/// A notification's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    notification: String,
    recipient: uuid::Uuid,
    channel: String,
    kind: String,
    message: Message,
    status: Status,
    attempts: u32,
    error: Option<String>,
    retry_at: Option<DateTime<Utc>>,
    requested_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    /// Of its request.
    position: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    Waiting,
    Sent,
    Failed,
    GivenUp,
    Cancelled,
}

#[async_trait]
impl Projection for Notifications {
    fn name(&self) -> &'static str {
        "notifications"
    }

    fn version(&self) -> u32 {
        2
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Notification::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("notification.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let ids: Vec<&str> = batch.iter().map(|event| &*event.stream.aggregate_id).collect();
        let known: Vec<Json<Row>> = sqlx::query_scalar(
            "select to_jsonb(n) from notifications n where notification = any($1)",
        )
        .bind(ids)
        .fetch_all(&mut *tx)
        .await?;
        let known = known.into_iter().map(|Json(row)| (row.notification.clone(), row));
        let rows = fold(known.collect(), batch)?;
        put(
            tx,
            "insert into notifications
             select * from jsonb_populate_recordset(null::notifications, $1)
             on conflict (notification) do update
                set status = excluded.status, attempts = excluded.attempts,
                    error = excluded.error, retry_at = excluded.retry_at,
                    changed_at = excluded.changed_at",
            &rows.into_values().collect::<Vec<_>>(),
        )
        .await
    }
}

fn fold(
    mut rows: BTreeMap<String, Row>,
    batch: &[&RecordedEvent],
) -> Result<BTreeMap<String, Row>, ProjectionError> {
    for event in batch {
        let decoded: Event = event.decode()?;
        if let Event::NotificationRequested { notification, message, at } = decoded {
            let id = notification.to_string();
            let row = Row {
                notification: id.clone(),
                recipient: notification.recipient.uuid(),
                channel: notification.channel.name().to_owned(),
                kind: message.kind().to_owned(),
                message,
                status: Status::Waiting,
                attempts: 0,
                error: None,
                retry_at: None,
                requested_at: at,
                changed_at: at,
                position: event.position,
            };
            rows.insert(id, row);
            continue;
        }
        let Some(row) = rows.get_mut(&event.stream.aggregate_id) else {
            return Err(ProjectionError::event(event, "it was never requested".to_owned()));
        };
        (row.status, row.changed_at, row.retry_at) = match decoded {
            Event::NotificationRequested { at, .. } => (Status::Waiting, at, None),
            Event::NotificationSent { attempt, at, .. } => {
                (row.attempts, row.error) = (attempt, None);
                (Status::Sent, at, None)
            }
            Event::NotificationFailed { attempt, error, retry_at, at, .. } => {
                (row.attempts, row.error) = (attempt, Some(error.into()));
                (Status::Failed, at, Some(retry_at))
            }
            Event::NotificationGivenUp { attempt, error, at, .. } => {
                (row.attempts, row.error) = (attempt, Some(error.into()));
                (Status::GivenUp, at, None)
            }
            // Why it was given up is shown until it goes out.
            Event::NotificationRetried { at, .. } => (Status::Waiting, at, None),
            Event::NotificationCancelled { at, .. } => (Status::Cancelled, at, None),
        };
    }
    Ok(rows)
}
