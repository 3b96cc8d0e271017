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
}

/// How far the read model knows the log.
pub(super) async fn position(db: &mut PgConnection) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar("select position from projections.live where name = 'features'")
        .fetch_optional(db)
        .await
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
    let mut histories = Histories::new(items.len());
    let (mut reader, mut liked) = (None, Vec::new());
    let seen = format!(
        "select reader, kind, item from {schema}.seen order by reader, position, kind, item"
    );
    let mut rows = sqlx::query_as::<_, (Uuid, String, Uuid)>(&seen).fetch(&mut *db);
    while let Some((of, kind, item)) = rows.try_next().await? {
        if reader != Some(of) {
            if reader.is_some() {
                histories.push(&liked);
            }
            reader = Some(of);
            liked.clear();
        }
        liked.extend(places.get(&(kind.as_str(), item)));
    }
    if reader.is_some() {
        histories.push(&liked);
    }
    drop(rows);
    drop(places);
    Ok(Likings { position, items, histories })
}
