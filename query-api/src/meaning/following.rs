//! Keeps the catalogue as the read models are, and notices vectors as they are made.

use std::sync::{PoisonError, RwLock, RwLockWriteGuard};
use std::time::{Duration, Instant};

use domain::{ItemId, ItemKind};
use processes::texts::{Known, described, vectors};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::catalogue::{Catalogue, Entry};
use super::{Index, Meaning};

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often it is tried whether an index that others keep can be asked.
const REACH_EVERY: Duration = Duration::from_secs(5);
/// Read at once: items, of which a course has many texts, and vectors of 1.5 kB.
const ITEMS_AT_ONCE: usize = 100;
const VECTORS_AT_ONCE: usize = 2_000;

/// Where one is.
#[derive(Default)]
struct Following {
    known: Known,
    reached: Option<Instant>,
    is_behind: bool,
}

impl Meaning {
    /// Follows the read models until shutdown, so that whoever asks only reads.
    pub async fn follow(&self, shutdown: CancellationToken) {
        let mut following = Following::default();
        loop {
            let look = following.look(self);
            if shutdown.run_until_cancelled(look).await.is_none() {
                return;
            }
            let pause = tokio::time::sleep(LOOK_EVERY);
            if shutdown.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }
}

impl Following {
    /// What fails is tried again at the next look; the catalogue stays as far as it got.
    async fn look(&mut self, meaning: &Meaning) {
        let Some(index) = meaning.index() else { return };
        let caught_up = self.catch_up(meaning, index).await;
        if let Err(error) = &caught_up
            && !self.is_behind
        {
            tracing::warn!(%error, "search by meaning stays behind the catalogues: {error}");
        }
        self.is_behind = caught_up.is_err();
        let is_due = self.reached.is_none_or(|reached| reached.elapsed() >= REACH_EVERY);
        if is_due || meaning.away().is_some() {
            meaning.reach(index).await;
            self.reached = Some(Instant::now());
        }
    }

    async fn catch_up(&mut self, meaning: &Meaning, index: &Index) -> Result<(), sqlx::Error> {
        let (pool, catalogue) = (&meaning.pool, &meaning.catalogue);
        let news = self.known.news(pool).await?;
        for kind in ItemKind::ALL {
            let of_kind = news.changed.iter().filter(|(item, _)| item.kind == kind);
            let of_kind: Vec<(ItemId, String)> = of_kind.cloned().collect();
            for items in of_kind.chunks(ITEMS_AT_ONCE) {
                let ids: Vec<Uuid> = items.iter().map(|(item, _)| item.id).collect();
                let described = described(pool, kind, &ids).await?;
                let entries = described.into_iter().map(Entry::of).collect();
                write(catalogue).describe(entries);
                self.known.learn(items);
            }
        }
        if !news.gone.is_empty() {
            write(catalogue).forget(&news.gone);
        }
        self.known.seen(news);
        let (unsaid, lacking) = {
            let mut catalogue = write(catalogue);
            (catalogue.take_unsaid(), catalogue.lacking())
        };
        for texts in lacking.chunks(VECTORS_AT_ONCE) {
            if meaning.vectors.is_shared() {
                let Ok(known) = meaning.answer(index.vectors.known(texts)).await else { break };
                write(catalogue).arrived(&known);
            } else {
                let vectors = vectors(pool, &index.model, texts).await?;
                if meaning.answer(index.vectors.put(&vectors)).await.is_ok() {
                    write(catalogue).arrived(vectors.keys());
                }
            }
        }
        // What others keep, others give up.
        if !meaning.vectors.is_shared() && !unsaid.is_empty() {
            let _ = meaning.answer(index.vectors.remove(&unsaid)).await;
        }
        Ok(())
    }
}

fn write(catalogue: &RwLock<Catalogue>) -> RwLockWriteGuard<'_, Catalogue> {
    catalogue.write().unwrap_or_else(PoisonError::into_inner)
}
