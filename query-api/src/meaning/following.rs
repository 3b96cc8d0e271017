//! Keeps the index as the read models are, and brings in vectors as they are made.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use domain::{ItemId, ItemKind};
use processes::texts::{Known, described};
use retrieval::{Embedder, Vector};
use sqlx::PgPool;
use uuid::Uuid;

use super::index::{Index, TextHash};

/// Between two looks, however many ask.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Read at once: items, of which a course has many texts, and vectors of 1.5 kB.
const ITEMS_AT_ONCE: usize = 100;
const VECTORS_AT_ONCE: usize = 2_000;

/// Where one is.
#[derive(Default)]
pub(super) struct Following {
    known: Known,
    looked: Option<Instant>,
}

impl Following {
    /// What fails is tried again at the next look; the index stays as far as it got.
    pub async fn follow(&mut self, pool: &PgPool, index: &RwLock<Index>, embedder: &Embedder) {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return;
        }
        if let Err(error) = self.catch_up(pool, index, embedder).await {
            tracing::warn!(%error, "search by meaning stays behind the catalogues: {error}");
        }
        self.looked = Some(Instant::now());
    }

    async fn catch_up(
        &mut self,
        pool: &PgPool,
        index: &RwLock<Index>,
        embedder: &Embedder,
    ) -> Result<(), sqlx::Error> {
        let news = self.known.news(pool).await?;
        for kind in ItemKind::ALL {
            let of_kind = news.changed.iter().filter(|(item, _)| item.kind == kind);
            let of_kind: Vec<(ItemId, String)> = of_kind.cloned().collect();
            for items in of_kind.chunks(ITEMS_AT_ONCE) {
                let ids: Vec<Uuid> = items.iter().map(|(item, _)| item.id).collect();
                let described = described(pool, kind, &ids).await?;
                write(index).describe(described);
                self.known.learn(items);
            }
        }
        if !news.gone.is_empty() {
            write(index).forget(&news.gone);
        }
        self.known.seen(news);
        let lacking = write(index).lacking();
        for hashes in lacking.chunks(VECTORS_AT_ONCE) {
            let vectors = vectors(pool, embedder, hashes).await?;
            write(index).put(&vectors);
        }
        Ok(())
    }
}

async fn vectors(
    pool: &PgPool,
    embedder: &Embedder,
    hashes: &[TextHash],
) -> Result<HashMap<TextHash, Vector>, sqlx::Error> {
    let rows: Vec<(Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "select sha256, vector from processes.embeddings where model = $1 and sha256 = any ($2)",
    )
    .bind(embedder.hash())
    .bind(hashes.iter().map(<[u8; 32]>::as_slice).collect::<Vec<_>>())
    .fetch_all(pool)
    .await?;
    let read = |(hash, vector): (Vec<u8>, Vec<u8>)| {
        Some((TextHash::try_from(hash).ok()?, Vector::from_bytes(&vector)?))
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

fn write(index: &RwLock<Index>) -> std::sync::RwLockWriteGuard<'_, Index> {
    index.write().unwrap_or_else(PoisonError::into_inner)
}
