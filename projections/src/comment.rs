//! What readers say about each item.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::comment::{Comment, Event, Remark};
use domain::{ItemKind, Personal};
use eventstore::RecordedEvent;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::rows::{fetch, put};
use crate::{Projection, ProjectionError};

pub struct Comments;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    comment: Uuid,
    kind: ItemKind,
    item: Uuid,
    author: Uuid,
    text: Personal<Remark>,
    posted_at: DateTime<Utc>,
    edited_at: Option<DateTime<Utc>>,
    sequence: i64,
    position: i64,
}

/// Comments as they stand after a batch; none once deleted.
type Changes = BTreeMap<Uuid, Option<Row>>;

#[async_trait]
impl Projection for Comments {
    fn name(&self) -> &'static str {
        "comments"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Comment::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("comment.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let keys: Vec<Uuid> =
            batch.iter().filter_map(|event| event.stream.aggregate_id.parse().ok()).collect();
        let known: Vec<Row> =
            fetch(tx, "select to_jsonb(c) from comments c where comment = any($1)", &keys).await?;
        let mut changes = known.into_iter().map(|row| (row.comment, Some(row))).collect();
        for event in batch {
            fold(&mut changes, event)?;
        }
        write(tx, changes).await
    }
}

fn fold(changes: &mut Changes, event: &RecordedEvent) -> Result<(), ProjectionError> {
    match event.decode()? {
        Event::CommentPosted { comment, item, author, text, at } => {
            let row = Row {
                comment: comment.uuid(),
                kind: item.kind,
                item: item.id,
                author: author.uuid(),
                text,
                posted_at: at,
                edited_at: None,
                sequence: event.sequence,
                position: event.position,
            };
            changes.insert(comment.uuid(), Some(row));
        }
        Event::CommentEdited { comment, text, at, .. } => {
            let row = changes.get_mut(&comment.uuid()).and_then(Option::as_mut);
            let row =
                row.ok_or_else(|| ProjectionError::event(event, "the comment is not there"))?;
            row.text = text;
            row.edited_at = Some(at);
            row.sequence = event.sequence;
        }
        Event::CommentDeleted { comment, .. } => {
            changes.insert(comment.uuid(), None);
        }
    }
    Ok(())
}

async fn write(tx: &mut PgConnection, changes: Changes) -> Result<(), ProjectionError> {
    let (mut rows, mut deleted) = (Vec::new(), Vec::new());
    for (comment, row) in changes {
        match row {
            Some(row) => rows.push(row),
            None => deleted.push(comment),
        }
    }
    put(
        tx,
        "insert into comments
         select * from jsonb_populate_recordset(null::comments, $1)
         on conflict (comment) do update
            set (text, edited_at, sequence)
              = (excluded.text, excluded.edited_at, excluded.sequence)",
        &rows,
    )
    .await?;
    if !deleted.is_empty() {
        sqlx::query("delete from comments where comment = any($1)")
            .bind(&deleted)
            .execute(tx)
            .await?;
    }
    Ok(())
}
