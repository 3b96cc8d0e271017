//! Weights in the database: those that serve, and those before them.

use sqlx::PgPool;

use super::fit::Fitted;
use super::likings::Likings;

/// So many fits are kept: the one that serves and the one before it, should it be needed again.
const KEPT: i64 = 2;

/// Not serving yet, unless they do already.
pub(super) async fn keep(
    pool: &PgPool,
    likings: &Likings,
    fitted: &Fitted,
) -> Result<(), sqlx::Error> {
    let (kinds, items): (Vec<_>, Vec<_>) = likings.items.iter().cloned().unzip();
    sqlx::query(
        "insert into processes.models (model_hash, position, kinds, items, weights)
         values ($1, $2, $3, $4, $5) on conflict (model_hash) do nothing",
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

/// Lets these serve, if they are still there, and drops what is no longer kept.
pub(super) async fn serve(pool: &PgPool, hash: &str) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin().await?;
    // Two statements: the index that allows one serving row looks at each update by itself.
    sqlx::query("update processes.models set serving = false where serving and model_hash <> $1")
        .bind(hash)
        .execute(&mut *tx)
        .await?;
    sqlx::query("update processes.models set serving = true where model_hash = $1 and not serving")
        .bind(hash)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "delete from processes.models where model_hash not in (
             select model_hash from processes.models order by serving desc, position desc limit $1)",
    )
    .bind(KEPT)
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}
