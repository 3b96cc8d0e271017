//! For read models that keep whole rows: fetch those a batch touches, fold its events into them in
//! order, put them back with one statement. What was read and what is written is one transaction,
//! so the size of a batch cannot matter.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::ProjectionError;

/// Rows as they stand. `select` answers `to_jsonb(row)` for the keys in `$1`.
pub async fn fetch<R>(
    tx: &mut PgConnection,
    select: &'static str,
    keys: &[Uuid],
) -> Result<Vec<R>, ProjectionError>
where
    R: DeserializeOwned + Send + Unpin + 'static,
{
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<Json<R>> = sqlx::query_scalar(select).bind(keys).fetch_all(tx).await?;
    Ok(rows.into_iter().map(|Json(row)| row).collect())
}

/// Runs `upsert` with all rows as one JSON array in `$1`.
pub async fn put<R: Serialize + Sync>(
    tx: &mut PgConnection,
    upsert: &'static str,
    rows: &[R],
) -> Result<(), ProjectionError> {
    if !rows.is_empty() {
        sqlx::query(upsert).bind(Json(rows)).execute(tx).await?;
    }
    Ok(())
}
