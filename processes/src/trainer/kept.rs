//! Weights in the database: those that serve, and no others (ADR 36).

use recommender::Scorer;
use sqlx::PgPool;
use uuid::Uuid;

use super::fit::Fitted;
use super::likings::Likings;

/// Weights as they are kept.
pub(super) struct Kept {
    pub items: Vec<(String, Uuid)>,
    pub scorer: Scorer,
}

/// Not serving yet, unless they do already.
pub(super) async fn keep(
    pool: &PgPool,
    likings: &Likings,
    fitted: &Fitted,
) -> Result<(), sqlx::Error> {
    let (kinds, items): (Vec<_>, Vec<_>) = likings.items.iter().cloned().unzip();
    sqlx::query(
        "insert into processes.models (model_hash, position, kinds, items, weights)
         values ($1, $2, $3, $4, $5) on conflict (model_hash) do update
            set position = excluded.position, kinds = excluded.kinds, items = excluded.items",
    )
    .bind(&fitted.fit.model_hash)
    .bind(fitted.fit.position)
    .bind(kinds)
    .bind(items)
    .bind(&fitted.weights)
    .execute(pool)
    .await?;
    Ok(())
}

/// None where they are lost or cannot be read: whatever is fitted then is better.
pub(super) async fn read(pool: &PgPool, hash: &str) -> Result<Option<Kept>, sqlx::Error> {
    let row: Option<(Vec<String>, Vec<Uuid>, Vec<u8>)> =
        sqlx::query_as("select kinds, items, weights from processes.models where model_hash = $1")
            .bind(hash)
            .fetch_optional(pool)
            .await?;
    Ok(row.and_then(|(kinds, items, weights)| {
        let scorer = Scorer::from_bytes(&weights).ok()?;
        let items: Vec<_> = kinds.into_iter().zip(items).collect();
        (scorer.items() == items.len()).then_some(Kept { items, scorer })
    }))
}

/// Lets these serve, if they are still there, and drops all others. Whether they are.
pub(super) async fn serve(pool: &PgPool, hash: &str) -> Result<bool, sqlx::Error> {
    let mut tx = pool.begin().await?;
    sqlx::query("delete from processes.models where model_hash <> $1")
        .bind(hash)
        .execute(&mut *tx)
        .await?;
    sqlx::query("update processes.models set serving = true where model_hash = $1 and not serving")
        .bind(hash)
        .execute(&mut *tx)
        .await?;
    let is_there = sqlx::query_scalar("select exists (select from processes.models where serving)")
        .fetch_one(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(is_there)
}

/// Drops what knows somebody who was erased at `position`, whether it serves or not.
pub(super) async fn forget(pool: &PgPool, position: i64) -> Result<(), sqlx::Error> {
    let forget = "delete from processes.models where position < $1";
    sqlx::query(forget).bind(position).execute(pool).await?;
    Ok(())
}
