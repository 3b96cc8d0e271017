//! Keeps the index as the read models are, and brings in vectors as they are made.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use domain::{ItemId, ItemKind};
use processes::texts::{Known, described, vectors};
use retrieval::Embedder;
use sqlx::PgPool;
use uuid::Uuid;

use super::index::Index;

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
            let vectors = vectors(pool, embedder.hash(), hashes).await?;
            write(index).put(&vectors);
        }
        Ok(())
    }
}

fn write(index: &RwLock<Index>) -> std::sync::RwLockWriteGuard<'_, Index> {
    index.write().unwrap_or_else(PoisonError::into_inner)
}
