//! Who likes what, as the read model `features` has it.

use std::collections::HashMap;

use futures::TryStreamExt;
use recommender::{Histories, Item};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// What a fit is made of.
pub(super) struct Likings {
    /// The read model knows the log up to here.
    pub position: i64,
    /// Kinds and ids in the order that histories count them by.
    pub items: Vec<(String, Uuid)>,
    pub histories: Histories,
    /// Of each history, whether fits are measured on it instead: always the same people, whoever else
    /// comes or goes, so that none that serves has seen them.
    pub left_out: Vec<bool>,
    /// Where somebody was erased last, as far as this knows.
    pub erased: Option<i64>,
}

/// Every twentieth.
const LEFT_OUT: u128 = 20;

/// How far the read model knows the log.
pub(super) async fn position(db: &mut PgConnection) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar("select position from projections.live where name = 'features'")
        .fetch_optional(db)
        .await
}

/// The last erasure up to `position`.
pub(super) async fn erased(
    position: i64,
    db: &mut PgConnection,
) -> Result<Option<i64>, sqlx::Error> {
    let last = "select max(position) from eventstore.events
                 where event_type = 'AccountErased' and position <= $1";
    sqlx::query_scalar(last).bind(position).fetch_one(db).await
}

/// Of this moment. None while the read model has never been built.
pub(super) async fn read(pool: &PgPool) -> Result<Option<Likings>, sqlx::Error> {
    let mut tx = pool.begin_with("begin isolation level repeatable read, read only").await?;
    let Some(position) = position(&mut tx).await? else { return Ok(None) };
    read_from("readmodel", position, &mut tx).await.map(Some)
}

/// From tables in `schema` that know the log up to `position`.
pub(super) async fn read_from(
    schema: &str,
    position: i64,
    db: &mut PgConnection,
) -> Result<Likings, sqlx::Error> {
    let items: Vec<(String, Uuid)> = sqlx::query_as(&format!(
        "select kind, item from {schema}.item_signals where readers > 0 order by kind, item"
    ))
    .fetch_all(&mut *db)
    .await?;
    let places: HashMap<(&str, Uuid), Item> =
        (0..).zip(&items).map(|(place, (kind, id))| ((kind.as_str(), *id), place)).collect();
    let (mut histories, mut left_out) = (Histories::new(items.len()), Vec::new());
    let mut push = |reader: Uuid, liked: &[Item]| {
        histories.push(liked);
        left_out.push(reader.as_u128() % LEFT_OUT == LEFT_OUT - 1);
    };
    let (mut reader, mut liked) = (None, Vec::new());
    let seen = format!(
        "select reader, kind, item from {schema}.seen order by reader, position, kind, item"
    );
    let mut rows = sqlx::query_as::<_, (Uuid, String, Uuid)>(&seen).fetch(&mut *db);
    while let Some((of, kind, item)) = rows.try_next().await? {
        if reader != Some(of) {
            if let Some(reader) = reader {
                push(reader, &liked);
            }
            reader = Some(of);
            liked.clear();
        }
        liked.extend(places.get(&(kind.as_str(), item)));
    }
    if let Some(reader) = reader {
        push(reader, &liked);
    }
    drop(rows);
    drop(places);
    let erased = erased(position, db).await?;
    Ok(Likings { position, items, histories, left_out, erased })
}
