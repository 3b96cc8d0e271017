//! What is attached to what.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::file::{Content, Event, FileName, Files, Target};
use eventstore::RecordedEvent;
use sqlx::PgConnection;

use crate::{Projection, ProjectionError};

pub struct AttachedFiles;

/// What has a name after a batch, since when, at which position; none once it was removed.
type Attached = Option<(Content, DateTime<Utc>, i64)>;

type Changes = BTreeMap<(Target, FileName), Attached>;

#[async_trait]
impl Projection for AttachedFiles {
    fn name(&self) -> &'static str {
        "files"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Files::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("file.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        write(tx, changes(batch)?).await
    }
}

fn changes(batch: &[&RecordedEvent]) -> Result<Changes, ProjectionError> {
    let mut changes = Changes::new();
    for event in batch {
        let position = event.position;
        let (file, attached) = match event.decode()? {
            Event::FileAttached { target, name, content, at }
            | Event::FileReplaced { target, name, to: content, at, .. } => {
                ((target, name), Some((content, at, position)))
            }
            Event::FileRemoved { target, name, .. } => ((target, name), None),
        };
        changes.insert(file, attached);
    }
    Ok(changes)
}

async fn write(tx: &mut PgConnection, changes: Changes) -> Result<(), ProjectionError> {
    let (mut targets, mut names, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
    let (mut items, mut lessons, mut types) = (Vec::new(), Vec::new(), Vec::new());
    let (mut sizes, mut hashes, mut covers) = (Vec::new(), Vec::new(), Vec::new());
    let (mut times, mut positions) = (Vec::new(), Vec::new());
    let (mut bare, mut gone) = (Vec::new(), Vec::new());
    for ((target, name), attached) in changes {
        let Some((Content { media_type, size, sha256 }, at, position)) = attached else {
            bare.push(target.to_string());
            gone.push(name.to_string());
            continue;
        };
        targets.push(target.to_string());
        covers.push(name.is_cover() && media_type.is_image());
        names.push(name.to_string());
        kinds.push(target.kind());
        items.push(target.item().id);
        lessons.push(target.lesson().map(|lesson| lesson.uuid()));
        types.push(media_type.name());
        sizes.push(i64::try_from(size.bytes()).unwrap_or(i64::MAX));
        hashes.push(sha256.to_string());
        times.push(at);
        positions.push(position);
    }
    sqlx::query(
        "insert into files (target, name, kind, item, lesson, media_type, size, sha256, is_cover,
                            attached_at, position)
         select * from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::uuid[],
                              $6::text[], $7::bigint[], $8::text[], $9::bool[],
                              $10::timestamptz[], $11::bigint[])
         on conflict (target, name) do update
            set media_type = excluded.media_type, size = excluded.size, sha256 = excluded.sha256,
                is_cover = excluded.is_cover, attached_at = excluded.attached_at,
                position = excluded.position",
    )
    .bind(&targets)
    .bind(&names)
    .bind(&kinds)
    .bind(&items)
    .bind(&lessons)
    .bind(&types)
    .bind(&sizes)
    .bind(&hashes)
    .bind(&covers)
    .bind(&times)
    .bind(&positions)
    .execute(&mut *tx)
    .await?;
    if !bare.is_empty() {
        sqlx::query(
            "delete from files
              where (target, name) in (select * from unnest($1::text[], $2::text[]))",
        )
        .bind(&bare)
        .bind(&gone)
        .execute(tx)
        .await?;
    }
    Ok(())
}
