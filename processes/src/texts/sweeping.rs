//! Gives up vectors that nobody needs: of texts that no item says any more, and of other models.

use std::collections::HashSet;

use sqlx::PgPool;

use crate::embedding::TextHash;
use crate::failure::{Failure, in_time};
use crate::vectors::VectorIndex;

/// Hashes that are read, and vectors that are deleted, in one statement.
const AT_ONCE: i64 = 5_000;

/// What one program has seen of that.
#[derive(Default)]
pub(super) struct Sweeper {
    /// Not said by anything at the sweep before.
    unsaid: HashSet<TextHash>,
    sweeps: u32,
}

impl Sweeper {
    /// Of this model, given all that is said. What is unsaid for the second time goes: it may have
    /// been withdrawn for a moment, or belong to a course that is about to be published. Another
    /// model's vectors go once, with the second sweep: a program that still runs with that model
    /// would make them again, and for ever each would undo what the other does.
    pub(super) async fn sweep(
        &mut self,
        pool: &PgPool,
        model: &str,
        index: Option<&dyn VectorIndex>,
        said: &HashSet<TextHash>,
    ) -> Result<(), Failure> {
        let unsaid = unsaid(pool, model, said).await?;
        let gone: Vec<TextHash> = unsaid.intersection(&self.unsaid).copied().collect();
        for texts in gone.chunks(AT_ONCE as usize) {
            // In this order: what is still in the table is found again if this fails.
            if let Some(index) = index {
                index.remove(texts).await?;
            }
            in_time(
                sqlx::query(
                    "delete from processes.embeddings where model = $1 and sha256 = any ($2)",
                )
                .bind(model)
                .bind(texts.iter().map(TextHash::as_slice).collect::<Vec<_>>())
                .execute(pool),
            )
            .await?;
        }
        self.unsaid = unsaid;
        self.sweeps += 1;
        if self.sweeps == 2 {
            forget_other_models(pool, model).await?;
            if let Some(index) = index {
                index.forget_other_models().await?;
            }
        }
        if !gone.is_empty() {
            tracing::info!(texts = gone.len(), "gave up the vectors of {} texts", gone.len());
        }
        Ok(())
    }
}

/// What has a vector and is not said, read page by page.
async fn unsaid(
    pool: &PgPool,
    model: &str,
    said: &HashSet<TextHash>,
) -> Result<HashSet<TextHash>, Failure> {
    let (mut unsaid, mut after) = (HashSet::new(), Vec::new());
    loop {
        let page: Vec<Vec<u8>> = in_time(
            sqlx::query_scalar(
                "select sha256 from processes.embeddings where model = $1 and sha256 > $2
                  order by sha256 limit $3",
            )
            .bind(model)
            .bind(&after)
            .bind(AT_ONCE)
            .fetch_all(pool),
        )
        .await?;
        let Some(last) = page.last() else { return Ok(unsaid) };
        after.clone_from(last);
        let hashes = page.into_iter().filter_map(|hash| TextHash::try_from(hash).ok());
        unsaid.extend(hashes.filter(|hash| !said.contains(hash)));
    }
}

async fn forget_other_models(pool: &PgPool, model: &str) -> Result<(), Failure> {
    loop {
        let some = sqlx::query(
            "delete from processes.embeddings where ctid = any (array(
                 select ctid from processes.embeddings where model <> $1 limit $2))",
        );
        let deleted = in_time(some.bind(model).bind(AT_ONCE).execute(pool)).await?;
        if deleted.rows_affected() == 0 {
            return Ok(());
        }
    }
}
