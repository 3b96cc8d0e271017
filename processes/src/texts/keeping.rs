//! Keeps every text embedded, one program at a time, and the index filled that all look into.
//!
//! Vectors are kept by the hash of their text, so whatever is killed or done twice costs only time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{ItemId, ItemKind};
use metrics::gauge;
use retrieval::{Embedder, ModelState, TextModel, text_hash};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::catalogue::{Row, rows};
use super::lessons::Lessons;
use super::sweeping::Sweeper;
use super::{Known, News};
use crate::embedding::{Embedding, TextHash, vectors};
use crate::failure::{Failure, in_time};
use crate::turn::Turn;
use crate::vectors::{VectorIndex, Vectors};

/// How soon a new text is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What failed is tried again this much later.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// All texts are compared with all vectors: what was lost is made again, and what nobody says any
/// more is given up at the second comparison.
const COMPARE_EVERY: Duration = Duration::from_secs(3_600);
/// Items whose descriptions are in memory at once; lessons are read a few at a time.
const ITEMS_AT_ONCE: usize = 100;
/// Vectors, of 1.5 kB each, that are put into the index at once.
const VECTORS_AT_ONCE: usize = 2_000;
/// The key of the advisory lock that makes it one at a time.
pub(crate) const TURN: i64 = 0x6461_7962_6f6f_6b54;

/// Embeds what is new until shutdown, as soon as there is a model. Any number of programs may: one
/// does at a time, and where there is no model nobody does.
pub async fn keep_embedding(
    pool: PgPool,
    model: TextModel,
    vectors: Vectors,
    shutdown: CancellationToken,
) {
    let mut keeper = None;
    let mut pause = LOOK_EVERY;
    while shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        pause = LOOK_EVERY;
        let Some(embedder) = model.embedder() else {
            match model.state() {
                ModelState::Off(_) => return shutdown.cancelled().await,
                ModelState::Loading | ModelState::Ready(_) => continue,
            }
        };
        let keeper = keeper.get_or_insert_with(|| Keeper::new(pool.clone(), embedder, &vectors));
        if let Some(Err(error)) = shutdown.run_until_cancelled(keeper.round()).await {
            tracing::error!(%error, "texts are not embedded, search by meaning lacks them: {error}");
            pause = AGAIN_AFTER;
        }
    }
}

/// Whoever keeps all texts of the catalogues embedded.
pub(crate) struct Keeper {
    pool: PgPool,
    embedder: Arc<Embedder>,
    /// Where the query side looks, unless each of its programs has its own.
    index: Option<Arc<dyn VectorIndex>>,
    known: Known,
    /// Has a vector that the index may lack.
    unfilled: HashSet<TextHash>,
    is_index_away: bool,
    compared: Option<Instant>,
    sweeper: Sweeper,
}

impl Keeper {
    pub(crate) fn new(pool: PgPool, embedder: Arc<Embedder>, vectors: &Vectors) -> Self {
        let index = vectors.is_shared().then(|| vectors.of(embedder.hash()));
        Self {
            pool,
            embedder,
            index,
            known: Known::default(),
            unfilled: HashSet::new(),
            is_index_away: false,
            compared: None,
            sweeper: Sweeper::default(),
        }
    }

    /// One round: how many texts were embedded, or None where somebody else is at it.
    pub(crate) async fn round(&mut self) -> Result<Option<usize>, Failure> {
        if self.compared.is_none_or(|compared| compared.elapsed() >= COMPARE_EVERY) {
            return self.compare().await;
        }
        let news = self.known.news(&self.pool).await?;
        if news.changed.is_empty() && self.unfilled.is_empty() {
            self.known.seen(news);
            return Ok(Some(0));
        }
        let Some(turn) = in_time(Turn::try_take(&self.pool, TURN)).await? else { return Ok(None) };
        let embedded = self.keep(news).await;
        in_time(turn.end()).await?;
        embedded.map(Some)
    }

    /// A round over everything, as if nothing were known.
    pub(crate) async fn compare(&mut self) -> Result<Option<usize>, Failure> {
        let Some(turn) = in_time(Turn::try_take(&self.pool, TURN)).await? else { return Ok(None) };
        let embedded = self.keep_all().await;
        in_time(turn.end()).await?;
        embedded.map(Some)
    }

    async fn keep(&mut self, news: News) -> Result<usize, Failure> {
        let (embedded, _) = self.embed(news).await?;
        self.fill().await?;
        Ok(embedded)
    }

    async fn keep_all(&mut self) -> Result<usize, Failure> {
        self.known = Known::default();
        let news = self.known.news(&self.pool).await?;
        let is_all = news.is_of_all_kinds();
        let (embedded, said) = self.embed(news).await?;
        self.compared = Some(Instant::now());
        self.fill().await?;
        if is_all {
            let (model, index) = (self.embedder.hash(), self.index.as_deref());
            self.sweeper.sweep(&self.pool, model, index, &said).await?;
        }
        Ok(embedded)
    }

    /// Makes the vectors that are lacking of what the news says: how many, and all that it says.
    async fn embed(&mut self, news: News) -> Result<(usize, HashSet<TextHash>), Failure> {
        let (started, mut said) = (Instant::now(), HashSet::new());
        let (mut embedded, mut left) = (0, news.changed.len());
        let mut by_kind: HashMap<ItemKind, Vec<(ItemId, String)>> = HashMap::new();
        for (item, stamp) in &news.changed {
            by_kind.entry(item.kind).or_default().push((*item, stamp.clone()));
        }
        for (kind, items) in by_kind {
            for items in items.chunks(ITEMS_AT_ONCE) {
                gauge!("daybook_items_to_embed").set(left as f64);
                let ids: Vec<_> = items.iter().map(|(item, _)| item.id).collect();
                embedded += self.embed_items(kind, &ids, &mut said).await?;
                left -= items.len();
                self.known.learn(items);
            }
        }
        gauge!("daybook_items_to_embed").set(0.0);
        self.known.seen(news);
        if embedded > 0 {
            let seconds = started.elapsed().as_secs_f64();
            tracing::info!(embedded, seconds, "embedded {embedded} texts in {seconds:.1} s");
        }
        Ok((embedded, said))
    }

    async fn embed_items(
        &mut self,
        kind: ItemKind,
        ids: &[Uuid],
        said: &mut HashSet<TextHash>,
    ) -> Result<usize, Failure> {
        let mut shown = rows(&self.pool, kind, ids).await?;
        shown.retain(|row| row.shown);
        let mut embedded = self.embed_texts(shown.iter().map(Row::about).collect(), said).await?;
        for course in shown.iter().filter(|_| kind == ItemKind::Course) {
            let mut lessons = Lessons::of(course.item);
            while let Some(passages) = lessons.next(&self.pool).await? {
                embedded += self.embed_texts(passages, said).await?;
            }
        }
        Ok(embedded)
    }

    async fn embed_texts(
        &mut self,
        texts: Vec<String>,
        said: &mut HashSet<TextHash>,
    ) -> Result<usize, Failure> {
        let hashes: Vec<TextHash> = texts.iter().map(|text| text_hash(text)).collect();
        let embedded = Embedding::new(&self.pool, self.embedder.clone()).keep(texts).await?;
        if self.index.is_some() {
            self.unfilled.extend(&hashes);
        }
        said.extend(hashes);
        Ok(embedded)
    }

    /// Puts into the index what it lacks. One that was away may have lost all: then everything is
    /// compared anew.
    async fn fill(&mut self) -> Result<(), Failure> {
        let Some(index) = &self.index else { return Ok(()) };
        let texts: Vec<TextHash> = self.unfilled.iter().copied().collect();
        for texts in texts.chunks(VECTORS_AT_ONCE) {
            let filled = put_lacking(&self.pool, self.embedder.hash(), &**index, texts).await;
            self.is_index_away |= filled.is_err();
            filled?;
            for text in texts {
                self.unfilled.remove(text);
            }
        }
        if std::mem::take(&mut self.is_index_away) {
            self.compared = None;
        }
        Ok(())
    }
}

async fn put_lacking(
    pool: &PgPool,
    model: &str,
    index: &dyn VectorIndex,
    texts: &[TextHash],
) -> Result<(), Failure> {
    let known = index.known(texts).await?;
    let lacking: Vec<TextHash> =
        texts.iter().filter(|text| !known.contains(*text)).copied().collect();
    if !lacking.is_empty() {
        index.put(&in_time(vectors(pool, model, &lacking)).await?).await?;
    }
    Ok(())
}
